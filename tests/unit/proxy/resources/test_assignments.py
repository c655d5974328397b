"""Endpoints that are out of the ordinary: read, checked, compiled, refused, gone stale."""

import pytest

from lateen.xds.subscription import Resource, Update
from tests.support.xds_resources import CDS, EDS, LDS, assignment, cluster, message, resource
from tests.unit.proxy.resources.support import Proxy


@pytest.fixture
def proxy():
    proxy = Proxy()
    proxy.xds.send(CDS, cluster("a"))
    proxy.xds.send(EDS, assignment("a", 1))
    proxy.xds.send(LDS)
    assert proxy.ready
    proxy.core.updates.clear()
    return proxy


@pytest.fixture
def odd(proxy):
    """A proxy whose workers take no endpoints as they come."""
    proxy.core.refuse = lambda update: [
        {"kind": "load_assignment", "name": each.cluster, "reason": "not plain"}
        for each in update.load_assignments
    ]
    return proxy


def test_plain_endpoints_go_as_they_came(proxy):
    proxy.xds.send(EDS, assignment("a", 2))
    (update,) = proxy.core.updates
    (item,) = update.load_assignments
    assert (item.cluster, item.assignment) == ("a", assignment("a", 2).SerializeToString())
    assert proxy.stat("cluster_manager.cluster_updated") == 1


def test_others_are_compiled(odd):
    made = assignment("a", 2, policy={"overprovisioning_factor": 200})
    assert odd.xds.send(EDS, made).accepted
    (update,) = odd.core.updates
    (endpoints,) = update.endpoints
    assert (endpoints.cluster, endpoints.overprovisioning_factor) == ("a", 200)
    assert endpoints.localities[0].endpoints[0].address.socket.port == 2


def test_a_warming_cluster_begins_with_compiled_endpoints(proxy):
    proxy.core.refuse = lambda update: [
        {"kind": "cluster", "name": each.name, "path": "load_assignment", "reason": "not plain"}
        for each in update.clusters
        if each.load_assignment
    ]
    proxy.xds.send(CDS, cluster("a"), cluster("b"))
    assert proxy.xds.send(EDS, assignment("b", 3)).accepted
    (update,) = proxy.core.updates
    made = update.clusters[0]
    assert (made.name, made.load_assignment) == ("b", b"")
    assert made.endpoints.localities[0].endpoints[0].address.socket.port == 3


def policy(*drops):
    return {"policy": {"drop_overloads": list(drops)}}


def drop(numerator, category="x"):
    return {"category": category, "drop_percentage": {"numerator": numerator}}


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (assignment("a", 99999), "Proto constraint validation failed (port_value must be at most"),
        (
            message(EDS, {"cluster_name": "a", "named_endpoints": {"x": {}}}),
            "named_endpoints is not implemented",
        ),
        (
            assignment("a", 1, **policy(drop(1), drop(2, "y"))),
            "Cluster drop_overloads config has 2 categories. Envoy only support one.",
        ),
        (
            assignment("a", 1, **policy(drop(150))),
            "Cluster drop_overloads config is invalid. drop_ratio=1.5(Numerator 150 / Denominator"
            " 100). The valid range is 0~1.",
        ),
        (Resource("a", "1", EDS, b"\xff"), "Unable to unpack as"),
    ],
)
def test_what_is_bad_changes_nothing(odd, made, reason):
    outcome = odd.xds.send(EDS, made)
    assert outcome.summary.startswith(reason)
    assert [each.name for each in outcome.bad] == ["a"]
    assert odd.applied == []


def test_endpoints_of_another_cluster(odd):
    subscriber = odd.xds.open(EDS, "a")[0].subscriber
    outcome = subscriber.take(Update([resource(assignment("z", 1))], (), "1", False))
    assert outcome.summary == "Unexpected EDS cluster (expecting a): z"
    two = [resource(assignment("a", 1)), resource(assignment("z", 1))]
    outcome = subscriber.take(Update(two, (), "1", False))
    assert outcome.summary == "Unexpected EDS resource length: 2"


def test_a_refusal_ends_the_wait(odd):
    odd.xds.send(CDS, cluster("a"), cluster("b"))
    odd.xds.send(EDS, assignment("b", 99999))
    assert odd.applied == [("cluster", "b")]
    assert list(odd.dynamic.clusters.active) == ["a", "b"]


def test_endpoints_go_stale(odd):
    made = assignment("a", 2, policy={"endpoint_stale_after": "3s"})
    odd.xds.send(EDS, made)
    assert odd.stat("cluster.a.assignment_timeout_received") == 1
    assert [seconds for seconds, _ in odd.clock.timers] == [3]
    odd.xds.send(EDS, assignment("a", 3, policy={"endpoint_stale_after": "4s"}))
    assert [seconds for seconds, _ in odd.clock.timers] == [4]
    odd.core.updates.clear()
    odd.clock.run()
    assert odd.stat("cluster.a.assignment_stale") == 1
    (update,) = odd.core.updates
    assert list(update.endpoints[0].localities) == []


def test_two_clusters_with_the_same_endpoints(proxy):
    config = {"eds_config": {"ads": {}, "resource_api_version": "V3"}, "service_name": "a"}
    proxy.xds.send(CDS, cluster("a"), cluster("b", eds_cluster_config=config))
    assert proxy.applied == [("cluster", "b")]
    proxy.xds.send(EDS, assignment("a", 5))
    assert sorted(proxy.applied[1:]) == [("endpoints", "a"), ("endpoints", "b")]
