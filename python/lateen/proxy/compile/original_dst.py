"""ORIGINAL_DST clusters.

Source: Cluster.OriginalDstLbConfig and cleanup_interval in envoy/config/cluster/v3/cluster.proto;
errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from envoy.config.cluster.v3 import cluster_pb2 as envoy

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    whole("envoy.config.cluster.v3.Cluster.OriginalDstLbConfig"),
    Fields("envoy.type.metadata.v3.MetadataKey", implemented="key path"),
    whole("envoy.type.metadata.v3.MetadataKey.PathSegment"),
)

_HEADER = "x-envoy-original-dst-host"
_CLEANUP_MS = 5000


def compile_original_dst(
    ctx: CompileContext, source: envoy.Cluster, out: worker_pb2.Cluster, at: str
) -> None:
    """What names the hosts of an ORIGINAL_DST cluster."""
    config = source.original_dst_lb_config
    if source.load_assignment.endpoints:
        reason = "ORIGINAL_DST clusters must have no load assignment configured"
        ctx.error(f"{at}.load_assignment", reason)
    if config.http_header_name and not config.use_http_header:
        ctx.error(
            f"{at}.original_dst_lb_config.http_header_name",
            f"ORIGINAL_DST cluster: invalid config http_header_name={config.http_header_name} and"
            " use_http_header is false. Set use_http_header to true if http_header_name is"
            " desired.",
        )
    hosts = worker_pb2.OriginalDstHosts(
        port=config.upstream_port_override.value, cleanup_interval_ms=_CLEANUP_MS
    )
    if config.use_http_header:
        hosts.header = config.http_header_name.lower() or _HEADER
    if config.HasField("metadata_key"):
        key = config.metadata_key
        hosts.metadata_path.extend([key.key, *(segment.key for segment in key.path)])
    if source.HasField("cleanup_interval"):
        hosts.cleanup_interval_ms = milliseconds(source.cleanup_interval)
    out.original_dst.CopyFrom(hosts)
