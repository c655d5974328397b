"""HTTP filters over ECDS: defaults, waiting, what is refused."""

import pytest

from tests.support.xds_resources import ADS, CDS, LDS, PREFIX, ROUTER, listener, message
from tests.unit.proxy.resources.support import Proxy

ECDS = PREFIX + "envoy.config.core.v3.TypedExtensionConfig"
MUTATION = PREFIX + "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"


def mutation(value):
    header = {"header": {"key": "x", "value": value}}
    return {"@type": MUTATION, "mutations": {"request_mutations": [{"append": header}]}}


def extension(name, config):
    return message(ECDS, {"name": name, "typed_config": config})


def with_filter(name="l", port=80, manager=None, **more):
    discovery = {"config_source": ADS, "type_urls": [MUTATION], **more}
    routes = {
        "name": "i",
        "virtual_hosts": [
            {
                "name": "v",
                "domains": ["*"],
                "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}],
            }
        ],
    }
    filters = [{"name": "f", "config_discovery": discovery}, ROUTER]
    manager = {"route_config": routes, "http_filters": filters, **(manager or {})}
    return listener(name, port, manager=manager)


@pytest.fixture
def proxy():
    proxy = Proxy()
    proxy.xds.send(CDS)
    proxy.xds.send(LDS)
    assert proxy.ready
    proxy.core.updates.clear()
    return proxy


def handed_over(proxy):
    """The header values of each configuration that the workers were given."""
    return [
        each.filter.header_mutation.request[0].append.value.pieces[0].literal
        for update in proxy.core.updates
        for each in update.discovered_filters
    ]


def test_a_listener_waits_for_its_filters(proxy):
    proxy.xds.send(LDS, with_filter())
    assert proxy.xds.names(ECDS) == [("f",)]
    assert proxy.applied == []
    assert proxy.xds.send(ECDS, extension("f", mutation("1"))).accepted
    assert handed_over(proxy) == ["1"]
    assert proxy.applied[-1] == ("listener", "l")
    manager = proxy.core.updates[-1].listeners[0].filter_chains[0].filters[0]
    table = manager.http_connection_manager.http_filters[0].discovered_filter
    assert proxy.core.updates[0].discovered_filters[0].name == table


def test_a_filter_counts_below_its_connection_manager(proxy):
    url = PREFIX + "envoy.extensions.filters.http.rbac.v3.RBAC"
    made = [
        with_filter(name, port, {"stat_prefix": name}, type_urls=[url])
        for name, port in (("a", 80), ("b", 81))
    ]
    proxy.xds.send(LDS, *made)
    proxy.xds.send(ECDS, extension("f", {"@type": url, "rules": {}}))
    found = [each for update in proxy.core.updates for each in update.discovered_filters]
    assert len({each.name for each in found}) == 2
    assert len({each.filter.rbac.stats_block for each in found}) == 2
    assert {("listener", "a"), ("listener", "b")} <= set(proxy.applied)
    assert len(proxy.dynamic.filters.found) == 2


def test_a_new_configuration_leaves_the_listener_alone(proxy):
    proxy.xds.send(LDS, with_filter())
    proxy.xds.send(ECDS, extension("f", mutation("1")))
    proxy.core.updates.clear()
    proxy.xds.send(ECDS, extension("f", mutation("2")))
    proxy.xds.send(ECDS, extension("f", mutation("2")))
    assert (handed_over(proxy), proxy.applied) == (["2"], [])
    assert proxy.stat("extension_config_discovery.http_filter.f.config_reload") == 2


def test_the_default_counts_when_nothing_comes(proxy):
    proxy.xds.send(LDS, with_filter(default_config=mutation("d")))
    assert proxy.applied == []
    proxy.xds.fail(ECDS, "f")
    assert handed_over(proxy) == ["d"]
    assert proxy.applied[-1] == ("listener", "l")


def test_the_default_counts_at_once_where_it_may(proxy):
    proxy.xds.send(
        LDS, with_filter(default_config=mutation("d"), apply_default_config_without_warming=True)
    )
    assert handed_over(proxy) == ["d"]
    assert proxy.applied[-1] == ("listener", "l")
    proxy.xds.send(ECDS, extension("f", mutation("1")))
    assert handed_over(proxy) == ["d", "1"]


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (extension("f", ROUTER["typed_config"]), "Error: filter config has type URL "),
        (extension("f", mutation("%NO_SUCH%")), "Not supported field in StreamInfo: NO_SUCH"),
    ],
)
def test_the_last_good_configuration_stays(proxy, made, reason):
    proxy.xds.send(LDS, with_filter())
    proxy.xds.send(ECDS, extension("f", mutation("1")))
    outcome = proxy.xds.send(ECDS, made)
    assert outcome.summary.startswith(reason)
    assert handed_over(proxy) == ["1"]
    assert proxy.stat("extension_config_discovery.http_filter.f.config_fail") == 1


def test_a_listener_that_goes_ends_the_subscription(proxy):
    proxy.xds.send(LDS, with_filter())
    proxy.xds.send(ECDS, extension("f", mutation("1")))
    proxy.xds.send(LDS)
    proxy.clock.run()
    assert proxy.xds.names(ECDS) == []
    removed = [each for update in proxy.core.updates for each in update.removed_discovered_filters]
    assert len(removed) == 1


def test_a_default_is_needed_to_go_without_warming(proxy):
    outcome = proxy.xds.send(LDS, with_filter(apply_default_config_without_warming=True))
    assert "applied without warming but has no default config" in outcome.summary
