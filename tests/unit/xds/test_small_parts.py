import random
import statistics

import pytest

from lateen.xds.backoff import Backoff
from lateen.xds.names import XdstpName, XdstpNameError
from lateen.xds.rate_limit import TokenBucket
from lateen.xds.resource_types import CDS, RESOURCE_TYPES, ads_path, resource_type
from lateen.xds.ttl import Expiries


def test_waits_are_anywhere_below_a_bound_that_doubles():
    bounds = [0.5, 1, 2, 4, 8, 16, 30, 30]
    runs = []
    for seed in range(300):
        backoff = Backoff(random.Random(seed))
        runs.append([backoff.next() for _ in bounds])
    for waits, bound in zip(zip(*runs, strict=True), bounds, strict=True):
        assert 0 <= min(waits) < bound * 0.1
        assert bound * 0.9 < max(waits) <= bound
        assert statistics.mean(waits) == pytest.approx(bound / 2, rel=0.2)


def test_a_cap_bounds_one_wait_and_success_starts_anew():
    backoff = Backoff(random.Random(1), 10.0, 20.0)
    assert all(backoff.next(1.0) <= 1.0 for _ in range(20))
    backoff.reset()
    assert backoff.next() <= 10.0


def test_a_bound_below_the_base_is_the_base():
    backoff = Backoff(random.Random(1), 5.0, 1.0)
    assert backoff.max_s == 5.0


def test_a_bucket_is_full_at_first_and_fills_again():
    now = [0.0]
    bucket = TokenBucket(lambda: now[0], 2, 4.0)
    assert [bucket.take(), bucket.take(), bucket.take()] == [0.0, 0.0, 0.25]
    now[0] = 0.25
    assert bucket.take() == 0.0
    now[0] = 100.0
    assert [bucket.take(), bucket.take(), bucket.take()] == [0.0, 0.0, 0.25]


def test_expiries_come_in_order_and_only_once():
    expiries = Expiries()
    expiries.renew("a", 3.0)
    expiries.renew("b", 1.0)
    expiries.renew("b", 5.0)
    expiries.renew("c", 2.0)
    expiries.renew("c", None)
    assert expiries.next() == 3.0
    assert expiries.take(4.0) == ["a"]
    assert expiries.take(10.0) == ["b"]
    assert expiries.next() is None


def test_expiries_that_are_renewed_for_ever_take_no_more_room():
    expiries = Expiries()
    for number in range(1000):
        expiries.renew("a", float(number))
    assert len(expiries._heap) < 100
    assert expiries.take(1e9) == ["a"]


@pytest.mark.parametrize(
    "name",
    [
        "xdstp://some.authority/envoy.config.listener.v3.Listener/foo/bar",
        "xdstp:///envoy.config.listener.v3.Listener/x?a=1&b=2",
        "xdstp://a/envoy.config.route.v3.RouteConfiguration",
        "xdstp://a/envoy.config.listener.v3.Listener/%20%23?k=%26%3D",
    ],
)
def test_a_name_in_its_normal_form_stays_as_it_is(name):
    assert str(XdstpName.parse(name)) == name


def test_parameters_are_sorted_and_a_fragment_is_no_part_of_the_name():
    parsed = XdstpName.parse("xdstp://a/t.T/x?b=2&a=1#entry=y")
    assert str(parsed) == "xdstp://a/t.T/x?a=1&b=2"
    assert str(parsed.within({"b": "9", "c": "3"})) == "xdstp://a/t.T/x?a=1&b=2&c=3"


def test_collections_end_in_a_star():
    assert XdstpName.parse("xdstp://a/t.T/dir/*").is_collection
    assert XdstpName.parse("xdstp://a/t.T/*").is_collection
    assert not XdstpName.parse("xdstp://a/t.T/dir/x").is_collection


@pytest.mark.parametrize("name", ["xdstp:a/t/x", "xdstp://a", "xdstp:///", "xdstp://a/t/x?k"])
def test_what_is_no_name_is_refused(name):
    assert XdstpName.is_one(name)
    with pytest.raises(XdstpNameError):
        XdstpName.parse(name)


def test_types_are_found_by_their_url():
    assert resource_type("type.googleapis.com/envoy.config.cluster.v3.Cluster") is CDS
    assert resource_type("type.googleapis.com/foo.Bar") is None
    assert CDS.path(delta=True) == (
        "/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters"
    )
    assert ads_path(delta=False).endswith("/StreamAggregatedResources")


def test_services_and_methods_are_those_of_the_api():
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from lateen.protos import envoy_types

    pool = envoy_types().pool
    for kind in RESOURCE_TYPES:
        file = FileDescriptorProto()
        pool.FindFileContainingSymbol(kind.service).CopyToProto(file)
        name = kind.service.rpartition(".")[2]
        (service,) = (each for each in file.service if each.name == name)
        methods = {method.name for method in service.method}
        assert f"Delta{kind.method}" in methods
        assert (f"Stream{kind.method}" in methods) == kind.sotw
        envoy_types().message_class(kind.message)
