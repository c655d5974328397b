"""Clusters whose hosts are those that requests name: envoy.clusters.dynamic_forward_proxy.

Source: envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.proxy.compile.dns_cache import compile_dns_cache
from lateen.proxy.compile.upstream_protocol import OPTIONS_NAME

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.extensions.clusters.dynamic_forward_proxy.v3.cluster_pb2 import ClusterConfig

    from lateen.protos import worker_pb2
    from lateen.proxy.compile.context import CompileContext

TYPE = "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig"

SUPPORT = (
    Fields(
        TYPE,
        implemented="dns_cache_config allow_insecure_cluster_options",
        harmless={"allow_coalesced_connections": "each name has connections of its own"},
        category="envoy.clusters",
    ),
)


def compile_forward_proxy(
    ctx: CompileContext, config: ClusterConfig, source: Cluster, out: worker_pb2.Cluster, at: str
) -> None:
    """What resolves the names, and that requests decide those of certificates, if there are any.

    `auto_names` of `out` is what the cluster says itself.
    """
    where = f"{at}.cluster_type.typed_config"
    cache = compile_dns_cache(ctx, config.dns_cache_config, f"{where}.dns_cache_config")
    out.forward_cache.CopyFrom(cache)
    typed = OPTIONS_NAME in source.typed_extension_protocol_options
    if not typed and not source.HasField("upstream_http_protocol_options"):
        out.auto_names.sni = out.auto_names.certificate = True
    secure = out.auto_names.sni and out.auto_names.certificate
    if not secure and not config.allow_insecure_cluster_options:
        reason = (
            "dynamic_forward_proxy cluster must have auto_sni and auto_san_validation true unless"
            " allow_insecure_cluster_options is set."
        )
        ctx.error(where, reason)
    if not source.HasField("transport_socket") and not source.transport_socket_matches:
        out.ClearField("auto_names")
