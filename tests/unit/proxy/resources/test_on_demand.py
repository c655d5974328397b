"""What requests wait for is asked for once, and every question is answered."""

import pytest

from lateen.protos import worker_pb2
from lateen.xds.subscription import FetchFailure, Resource, Update
from tests.support.xds_resources import (
    ADS,
    CDS,
    LDS,
    PREFIX,
    RDS,
    SRDS,
    VHDS,
    listener,
    message,
    resource,
    routes,
    static_cluster,
    virtual_host,
)
from tests.unit.proxy.resources.support import Proxy

ROUTES = worker_pb2.OnDemand.ROUTES
CLUSTER = worker_pb2.OnDemand.CLUSTER
COLLECTION = "xdstp://authority/envoy.config.cluster.v3.Cluster/dir"
ON_DEMAND_CDS = PREFIX + "envoy.extensions.filters.http.on_demand.v3.OnDemandCds"
SOURCE = message(ON_DEMAND_CDS, {"source": ADS}).SerializeToString()
OF_COLLECTION = message(
    ON_DEMAND_CDS, {"source": ADS, "resources_locator": f"{COLLECTION}/*"}
).SerializeToString()


@pytest.fixture
def proxy():
    proxy = Proxy()
    proxy.xds.send(CDS, static_cluster("a"))
    return proxy


def ask(proxy, kind, source, name):
    proxy.dynamic.on_demand.ask(kind, source, name)


def answered(proxy):
    return [each.name.decode() for update in proxy.core.updates for each in update.answered]


def with_hosts(proxy):
    proxy.xds.send(LDS, listener("l", 80))
    proxy.xds.send(RDS, routes("r", "a", vhds={"config_source": ADS}, virtual_hosts=[]))
    (subscription,) = proxy.xds.open(VHDS)
    return subscription


def test_a_virtual_host_is_asked_for_once(proxy):
    subscription = with_hosts(proxy)
    for _ in range(2):
        ask(proxy, ROUTES, b"rds/ads/r", b"one")
    assert tuple(subscription.names) == ("r/", "r/one")
    assert answered(proxy) == []
    found = resource(virtual_host("r/one", "one", "a"))
    assert subscription.subscriber.take(Update([found], (), "1", False)).accepted
    assert answered(proxy) == ["one"]
    ask(proxy, ROUTES, b"rds/ads/r", b"one")
    assert answered(proxy) == ["one", "one"]


@pytest.mark.parametrize(
    "update",
    [
        Update([], ["r/one"], "1", False),
        Update([resource(message(VHDS, {"name": "r/one"}))], (), "1", False),
    ],
)
def test_what_there_is_not_is_answered_and_not_subscribed_to_any_longer(proxy, update):
    subscription = with_hosts(proxy)
    ask(proxy, ROUTES, b"rds/ads/r", b"one")
    subscription.subscriber.take(update)
    assert answered(proxy) == ["one"]
    assert tuple(subscription.names) == ("r/",)


def test_questions_about_tables_that_have_gone_are_answered(proxy):
    with_hosts(proxy)
    ask(proxy, ROUTES, b"rds/ads/r", b"one")
    ask(proxy, ROUTES, b"rds/ads/other", b"two")
    assert answered(proxy) == ["two"]
    proxy.xds.send(LDS)
    proxy.clock.run()
    assert answered(proxy) == ["two", "one"]


def scoped(proxy, **more):
    builder = {"fragments": [{"header_value_extractor": {"name": "x", "index": 0}}]}
    scopes = {
        "name": "s",
        "scope_key_builder": builder,
        "rds_config_source": ADS,
        "scoped_rds": {"scoped_rds_config_source": ADS},
    }
    proxy.xds.send(LDS, listener("l", 80, manager={"scoped_routes": scopes}))
    key = {"fragments": [{"string_key": "k"}]}
    fields = {"name": "n", "route_configuration_name": "r", "on_demand": True, "key": key, **more}
    proxy.xds.send(SRDS, message(SRDS, fields))


def scopes_of(proxy):
    """The route table of the one scope."""
    (scope,) = [update for update in proxy.core.updates if update.route_scopes][-1].route_scopes
    return scope.scopes[0].route_table


def test_the_routes_of_a_scope_are_asked_for_by_its_stub(proxy):
    scoped(proxy)
    assert proxy.ready
    assert proxy.xds.open(RDS) == []
    stub = scopes_of(proxy)
    assert stub != "rds/ads/r"
    ask(proxy, ROUTES, stub.encode(), b"one")
    ask(proxy, ROUTES, stub.encode(), b"two")
    assert answered(proxy) == []
    proxy.xds.send(RDS, routes("r", "a"))
    assert scopes_of(proxy) == "rds/ads/r"
    assert answered(proxy) == ["one", "two"]


def test_a_scope_that_goes_answers_its_questions(proxy):
    scoped(proxy)
    ask(proxy, ROUTES, scopes_of(proxy).encode(), b"one")
    proxy.xds.send(SRDS)
    assert answered(proxy) == ["one"]
    assert proxy.xds.open(RDS) == []


def on_demand(proxy):
    return proxy.xds.open(CDS)[1]


def test_clusters_on_demand_stay_when_cds_does_not_know_them(proxy):
    ask(proxy, CLUSTER, SOURCE, b"b")
    subscription = on_demand(proxy)
    assert tuple(subscription.names) == ("b",)
    update = Update([resource(static_cluster("b"))], (), "1", True)
    assert subscription.subscriber.take(update).accepted
    assert answered(proxy) == ["b"]
    proxy.xds.send(CDS, static_cluster("a"), version="2")
    assert set(proxy.dynamic.clusters.active) == {"a", "b"}
    subscription.subscriber.take(Update([], ["b"], "2", False))
    assert set(proxy.dynamic.clusters.active) == {"a"}


@pytest.mark.parametrize(
    "update",
    [
        Update([], ["b"], "1", False),
        Update([], (), "1", True),
        Update([resource(static_cluster("b", connect_timeout="0s"))], (), "1", False),
    ],
)
def test_a_cluster_that_there_is_not_may_be_asked_for_again(proxy, update):
    ask(proxy, CLUSTER, SOURCE, b"b")
    on_demand(proxy).subscriber.take(update)
    assert answered(proxy) == ["b"]
    assert len(proxy.xds.open(CDS)) == 1
    ask(proxy, CLUSTER, SOURCE, b"b")
    assert tuple(on_demand(proxy).names) == ("b",)


def test_a_cluster_that_is_here_is_not_asked_for(proxy):
    ask(proxy, CLUSTER, SOURCE, b"a")
    assert answered(proxy) == ["a"]
    assert len(proxy.xds.open(CDS)) == 1


def in_collection(name, version="1"):
    made = static_cluster(name)
    return Resource(f"{COLLECTION}/{name}", version, CDS, made.SerializeToString())


def test_the_first_question_is_for_the_collection(proxy):
    ask(proxy, CLUSTER, OF_COLLECTION, b"b")
    ask(proxy, CLUSTER, OF_COLLECTION, b"c")
    subscription = on_demand(proxy)
    assert tuple(subscription.names) == (f"{COLLECTION}/*",)
    made = [in_collection("b"), in_collection("d")]
    assert subscription.subscriber.take(Update(made, (), "1", False)).accepted
    assert answered(proxy) == ["b"]
    # What the collection does not have is asked for by name.
    assert tuple(subscription.names) == (f"{COLLECTION}/*", "c")
    ask(proxy, CLUSTER, OF_COLLECTION, b"d")
    ask(proxy, CLUSTER, OF_COLLECTION, b"e")
    assert answered(proxy) == ["b", "d"]
    assert tuple(subscription.names) == (f"{COLLECTION}/*", "c", "e")


def test_a_collection_that_does_not_come_is_not_waited_for(proxy):
    ask(proxy, CLUSTER, OF_COLLECTION, b"b")
    subscription = on_demand(proxy)
    subscription.subscriber.fail(FetchFailure.CONNECTION, "away")
    assert tuple(subscription.names) == (f"{COLLECTION}/*",)
    subscription.subscriber.fail(FetchFailure.TIMEOUT, "no answer")
    assert tuple(subscription.names) == (f"{COLLECTION}/*", "b")
    subscription.subscriber.take(Update([], ["b"], "1", False))
    assert answered(proxy) == ["b"]
    assert tuple(subscription.names) == (f"{COLLECTION}/*",)


def test_a_cluster_of_a_collection_that_is_refused_ends_the_wait_for_it(proxy):
    ask(proxy, CLUSTER, OF_COLLECTION, b"b")
    bad = static_cluster("b", type="EDS").SerializeToString()
    update = Update([Resource(f"{COLLECTION}/b", "1", CDS, bad)], (), "1", False)
    assert [each.name for each in on_demand(proxy).subscriber.take(update).bad] == ["b"]
    assert answered(proxy) == ["b"]
