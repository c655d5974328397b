import pytest

from tests.support.manifests import checked

DRY = "error metadata.annotations.istio.io/dry-run"


def annotated(name, value="'true'"):
    return f", annotations: {{{name}: {value}}}"


@pytest.mark.parametrize(
    ("spec", "value", "expected"),
    [
        ("{}", "'true'", []),
        ("{action: DENY, rules: [{}]}", "'F'", []),
        ("{}", "maybe", [DRY]),
        ("{action: AUDIT}", "'true'", [DRY]),
    ],
)
def test_a_dry_run(spec, value, expected):
    metadata = annotated("istio.io/dry-run", value)
    assert checked("AuthorizationPolicy", spec, metadata) == expected


def test_other_kinds_have_no_dry_run():
    assert checked("PeerAuthentication", "{}", annotated("istio.io/dry-run")) == [DRY]


@pytest.mark.parametrize("name", ["webhook-always-reject", "parents", "parent-namespace"])
def test_what_only_istio_sets(name):
    name = f"internal.istio.io/{name}"
    found = checked("PeerAuthentication", "{}", annotated(name))
    assert found == [f"error metadata.annotations.{name}"]
