from lateen.proxy.compile.cluster import allot_blocks, compile_cluster
from lateen.proxy.compile.network_filters.metadata_exchange import compile_metadata_exchange
from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.workload import Workload
from tests.support.messages import context, errors, message, unsupported

NODE = {"id": "me", "metadata": {"NAMESPACE": "n", "LABELS": {"role": "r"}}}
_TYPE = "tcp.metadataexchange.config.MetadataExchange"
CLUSTER = """
name: c
type: STATIC
filters:
- name: mx
  typed_config:
    "@type": type.googleapis.com/envoy.tcp.metadataexchange.config.MetadataExchange
    protocol: istio-peer-exchange
"""


def compiled(ctx, text):
    config = message(_TYPE, text)
    found = compile_metadata_exchange(ctx, config, FilterOwner("l", "a"), "f")
    return found.metadata_exchange


def test_a_listener():
    ctx = context(node=NODE)
    found = compiled(ctx, "{protocol: mx, additional_labels: [role]}")
    assert found.protocol == "mx"
    assert found.greeting == Workload.of(NODE, ["role"]).greeting()
    assert list(found.additional_labels) == ["role"]
    assert ctx.blocks[found.stats_block].prefix == "metadata_exchange"
    assert errors(ctx) == []


def test_a_protocol_is_needed():
    ctx = context()
    compiled(ctx, "{}")
    assert errors(ctx) == ["f.protocol: the protocol of ALPN is missing"]


def test_workloads_are_not_discovered():
    (found,) = unsupported(message(_TYPE, "{protocol: mx, enable_discovery: true}"))
    assert found.startswith("warning x.enable_discovery: ")


def test_a_cluster():
    ctx = context(node=NODE)
    found = compile_cluster(ctx, message("config.cluster.v3.Cluster", CLUSTER), "c")
    assert found.metadata_exchange.protocol == "istio-peer-exchange"
    block = ctx.blocks[found.metadata_exchange.stats_block]
    assert block.prefix == "metadata_exchange"
    assert errors(ctx) == []


def test_the_stats_stay_as_long_as_one_cluster_has_them():
    ctx = context(node=NODE)
    first = compile_cluster(ctx, message("config.cluster.v3.Cluster", CLUSTER), "c")
    second = type(first)()
    second.CopyFrom(first)
    of_first = [first.stats_block, first.metadata_exchange.stats_block]
    of_second = allot_blocks(ctx.blocks, second)
    assert set(of_second) == set(of_first)
    assert ctx.blocks.release(of_first) == []
    assert sorted(ctx.blocks.release(of_second)) == sorted(of_first)


def test_other_filters_of_clusters_are_refused():
    ctx = context()
    text = "{name: c, type: STATIC, filters: [{name: own}]}"
    compile_cluster(ctx, message("config.cluster.v3.Cluster", text), "c")
    assert errors(ctx) == ["c.filters[0]: the upstream filter own is not implemented"]
