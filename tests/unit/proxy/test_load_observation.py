"""Where load reports take counters, names and categories from."""

import array

import pytest

from lateen.protos import worker_pb2
from lateen.protos.worker_stats_pb2 import ClusterStat
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.load_observation import LoadObserver
from lateen.proxy.workers import Workers
from lateen.proxy.xds.bootstrap import BootstrapSources
from tests.support.messages import message
from tests.support.xds_resources import CDS, EDS, assignment, cluster, static_cluster
from tests.unit.proxy.resources.support import Proxy

DROP = {"drop_overloads": [{"category": "full", "drop_percentage": {"numerator": 50}}]}


@pytest.fixture
def proxy():
    return Proxy()


def observe(proxy, *names):
    """What is seen when every cluster dropped 5 requests, 2 of them by drop_overload."""
    blocks = proxy.dynamic._context.blocks
    counted = array.array("q", [0] * len(ClusterStat.items()))
    counted[ClusterStat.CLUSTER_UPSTREAM_RQ_DROPPED] = 5
    counted[ClusterStat.CLUSTER_UPSTREAM_RQ_DROP_OVERLOAD] = 2
    numbers = [each.number for each in blocks if each.kind is BlockKind.CLUSTER]
    proxy.core.block_arrays = lambda: [(0, each, counted.tobytes()) for each in numbers]
    statuses = [worker_pb2.ClusterStatus(name=each) for each in names]
    proxy.core.clusters = lambda: worker_pb2.ClusterStatuses(clusters=statuses).SerializeToString()
    bootstrap = message("config.bootstrap.v3.Bootstrap", "{}").SerializeToString()
    observer = LoadObserver(
        Workers(proxy.core, 1),
        blocks,
        proxy.summary,
        BootstrapSources(bootstrap),
        proxy.dynamic.clusters,
    )
    return observer()


def test_a_cluster_with_endpoints_over_xds(proxy):
    source = {"eds_config": {"ads": {}, "resource_api_version": "V3"}, "service_name": "service"}
    proxy.xds.send(CDS, cluster("a", eds_cluster_config=source, alt_stat_name="x:y"))
    proxy.xds.send(EDS, assignment("service", 1, policy=DROP))
    seen = observe(proxy, "a")["a"]
    assert (seen.dropped, seen.drop_overload) == (5, 2)
    assert (seen.service_name, seen.category) == ("service", "full")


def test_a_cluster_with_endpoints_of_its_own(proxy):
    load = {"cluster_name": "b", "policy": DROP}
    proxy.xds.send(CDS, static_cluster("b", load_assignment=load))
    seen = observe(proxy, "b")["b"]
    assert (seen.dropped, seen.drop_overload) == (5, 2)
    assert (seen.service_name, seen.category) == ("", "full")


def test_a_cluster_that_is_not_known(proxy):
    seen = observe(proxy, "c")["c"]
    assert (seen.dropped, seen.drop_overload, seen.category) == (0, 0, "")
