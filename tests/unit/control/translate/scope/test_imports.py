import pytest

from lateen.control.translate.scope.imports import imports


@pytest.mark.parametrize(
    ("written", "namespace", "host", "taken"),
    [
        ("*/*", "far", "a.far.svc.cluster.local", True),
        ("./*", "home", "a.home.svc.cluster.local", True),
        ("./*", "far", "a.far.svc.cluster.local", False),
        ("far/a.com", "far", "a.com", True),
        ("far/a.com", "far", "b.com", False),
        ("far/a.com", "home", "a.com", False),
        ("far/*.com", "far", "a.com", True),
        ("far/*.com", "far", "a.org", False),
        ("*/a.com", "far", "a.com", True),
        # A wildcard service is more than one host of it.
        ("far/a.com", "far", "*.com", False),
        ("far/*.com", "far", "*.a.com", True),
        ("~/*", "home", "a.com", False),
    ],
)
def test_which_services_a_host_imports(written, namespace, host, taken):
    assert imports([written], "home").service(namespace, host) is taken


def test_hosts_may_be_left_out_of_a_namespace_or_of_all():
    found = imports(["*/*", "~far/*.secret.com", "~/a.com", "~./b.com"], "home")
    assert found.service("far", "x.com")
    assert not found.service("far", "x.secret.com")
    assert found.service("home", "x.secret.com")
    assert not found.service("home", "a.com")
    assert not found.service("far", "a.com")
    assert not found.service("home", "b.com")
    assert found.service("far", "b.com")


@pytest.mark.parametrize(
    ("written", "hosts", "taken"),
    [
        ("far/a.com", ["b.com", "a.com"], True),
        ("far/a.com", ["*.com"], True),
        ("far/*.com", ["*.a.com"], True),
        ("far/*.a.com", ["*.com"], True),
        ("far/a.com", ["b.com"], False),
        ("./*", ["a.com"], False),
    ],
)
def test_a_rule_is_imported_when_one_of_its_hosts_may_be(written, hosts, taken):
    assert imports([written], "home").rule("far", hosts) is taken


def test_a_rule_is_left_out_only_when_all_of_its_hosts_are():
    found = imports(["*/*", "~/a.com"], "home")
    assert not found.rule("far", ["a.com"])
    assert found.rule("far", ["a.com", "b.com"])
