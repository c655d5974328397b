"""Where the hosts of a cluster come from.

Source: type and cluster_type in envoy/config/cluster/v3/cluster.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.config.support import whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import Discovery
from lateen.proxy.compile import forward_proxy
from lateen.proxy.compile.dns import compile_cluster_dns, compile_dns_cluster
from lateen.proxy.compile.original_dst import compile_original_dst
from lateen.proxy.compile.values import enum_name

if TYPE_CHECKING:
    from envoy.config.cluster.v3 import cluster_pb2 as envoy
    from envoy.extensions.clusters.aggregate.v3.cluster_pb2 import ClusterConfig as AggregateConfig
    from envoy.extensions.clusters.dns.v3.dns_cluster_pb2 import DnsCluster

    from lateen.proxy.compile.context import CompileContext

_DNS_CLUSTER = "envoy.extensions.clusters.dns.v3.DnsCluster"
_AGGREGATE = "envoy.extensions.clusters.aggregate.v3.ClusterConfig"

SUPPORT = (
    whole("envoy.config.cluster.v3.Cluster.CustomClusterType"),
    whole("envoy.config.cluster.v3.Cluster.EdsClusterConfig"),
    whole(_AGGREGATE),
    *forward_proxy.SUPPORT,
)

_BY_TYPE = {
    "STATIC": Discovery.STATIC,
    "STRICT_DNS": Discovery.STRICT_DNS,
    "LOGICAL_DNS": Discovery.LOGICAL_DNS,
    "EDS": Discovery.EDS,
    "ORIGINAL_DST": Discovery.ORIGINAL_DST,
}
_BY_NAME = {
    "envoy.cluster.static": Discovery.STATIC,
    "envoy.cluster.strict_dns": Discovery.STRICT_DNS,
    "envoy.cluster.logical_dns": Discovery.LOGICAL_DNS,
    "envoy.cluster.eds": Discovery.EDS,
    "envoy.cluster.original_dst": Discovery.ORIGINAL_DST,
}
_NAMES = {discovery: name for name, discovery in _BY_NAME.items()}
_DNS = (Discovery.STRICT_DNS, Discovery.LOGICAL_DNS)


def compile_discovery(
    ctx: CompileContext, source: envoy.Cluster, out: worker_pb2.Cluster, at: str
) -> None:
    """Set `discovery` and `dns` of a compiled cluster."""
    if source.HasField("cluster_type"):
        _compile_custom(ctx, source, out, f"{at}.cluster_type")
    else:
        name = enum_name(source, "type") if source.type else "STATIC"
        if name not in _BY_TYPE:
            ctx.unimplemented(f"{at}.type", f"cluster type {name}", ", ".join(_BY_TYPE))
        out.discovery = _BY_TYPE.get(name, Discovery.STATIC)
    if out.discovery in _DNS and not out.HasField("dns"):
        out.dns.CopyFrom(compile_cluster_dns(ctx, source, at))
    if source.HasField("eds_cluster_config") and enum_name(source, "type") != "EDS":
        ctx.error(f"{at}.eds_cluster_config", "eds_cluster_config set in a non-EDS cluster")
    if out.discovery == Discovery.EDS:
        _check_eds(ctx, source, at)
    if out.discovery == Discovery.ORIGINAL_DST:
        compile_original_dst(ctx, source, out, at)
    _check_hosts(ctx, source, out, at)


def eds_name(source: envoy.Cluster) -> str:
    """What an EDS cluster's endpoints are called at their source."""
    return source.eds_cluster_config.service_name or source.name


def is_eds(source: envoy.Cluster) -> bool:
    """Whether a cluster's endpoints come by EDS."""
    return enum_name(source, "type") == "EDS" or source.cluster_type.name == "envoy.cluster.eds"


def cluster_type_name(source: envoy.Cluster) -> str:
    """The name of the cluster's type among Envoy's extensions; none if a message configures it."""
    if source.HasField("cluster_type"):
        return "" if source.cluster_type.HasField("typed_config") else source.cluster_type.name
    name = enum_name(source, "type") if source.type else "STATIC"
    return _NAMES.get(_BY_TYPE.get(name, Discovery.STATIC), "")


def _check_eds(ctx: CompileContext, source: envoy.Cluster, at: str) -> None:
    config = source.eds_cluster_config.eds_config
    if config.WhichOneof("config_source_specifier") is None:
        reason = (
            "Missing config source specifier in envoy::config::core::v3::ConfigSource for"
            f" {eds_name(source)}"
        )
        ctx.error(f"{at}.eds_cluster_config.eds_config", reason)


def _compile_custom(
    ctx: CompileContext, source: envoy.Cluster, out: worker_pb2.Cluster, at: str
) -> None:
    custom = source.cluster_type
    if not custom.HasField("typed_config"):
        if custom.name not in _BY_NAME:
            ctx.unimplemented(at, f"cluster_type {custom.name}", ", ".join(_BY_NAME))
        out.discovery = _BY_NAME.get(custom.name, Discovery.STATIC)
        return
    message = ctx.unpack(custom.typed_config)
    kind = message.DESCRIPTOR.full_name if message is not None else ""
    if kind == forward_proxy.TYPE:
        out.discovery = Discovery.DYNAMIC_FORWARD_PROXY
        return
    if kind == _AGGREGATE:
        out.discovery = Discovery.AGGREGATE
        out.members.extend(cast("AggregateConfig", message).clusters)
        return
    if kind != _DNS_CLUSTER:
        return
    config: DnsCluster = message  # type: ignore[assignment]
    logical = config.all_addresses_in_single_endpoint
    out.discovery = Discovery.LOGICAL_DNS if logical else Discovery.STRICT_DNS
    out.dns.CopyFrom(compile_dns_cluster(ctx, config, f"{at}.typed_config"))


def _check_hosts(
    ctx: CompileContext, source: envoy.Cluster, out: worker_pb2.Cluster, at: str
) -> None:
    if out.discovery != Discovery.LOGICAL_DNS:
        return
    localities = source.load_assignment.endpoints
    if len(localities) != 1 or len(localities[0].lb_endpoints) != 1:
        ctx.error(
            f"{at}.load_assignment.endpoints",
            "LOGICAL_DNS clusters must have a single locality_lb_endpoint and a single lb_endpoint",
        )
