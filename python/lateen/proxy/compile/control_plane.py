"""What a configuration says of control planes: it is read by lateen.proxy.xds, not compiled.

Source: envoy/config/core/v3/config_source.proto, grpc_service.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap
    from envoy.config.core.v3.config_source_pb2 import ApiConfigSource

    from lateen.proxy.compile.context import CompileContext

_GRPC = "envoy.config.core.v3.GrpcService"

SUPPORT = (
    whole("envoy.config.core.v3.AggregatedConfigSource"),
    whole("envoy.config.core.v3.ApiConfigSource"),
    whole("envoy.config.core.v3.ConfigSource"),
    whole("envoy.config.core.v3.PathConfigSource"),
    whole("envoy.config.core.v3.RateLimitSettings"),
    whole("envoy.config.core.v3.SelfConfigSource"),
    Fields(
        _GRPC,
        implemented="envoy_grpc google_grpc initial_metadata retry_policy",
        harmless={"timeout": "a stream to a control plane has no end"},
    ),
    Fields(
        f"{_GRPC}.EnvoyGrpc",
        implemented="cluster_name authority retry_policy",
        harmless={
            "max_receive_message_length": "messages of any size are read",
            "skip_envoy_headers": "no such headers are sent to a control plane",
        },
    ),
    whole(f"{_GRPC}.GoogleGrpc"),
    whole(f"{_GRPC}.GoogleGrpc.ChannelArgs"),
    whole(f"{_GRPC}.GoogleGrpc.ChannelArgs.Value"),
    whole(f"{_GRPC}.GoogleGrpc.ChannelCredentials"),
    whole(f"{_GRPC}.GoogleGrpc.GoogleLocalCredentials"),
    whole(f"{_GRPC}.GoogleGrpc.SslCredentials"),
    whole("envoy.config.core.v3.BackoffStrategy"),
    whole("xds.core.v3.Authority"),
)

_OWN = ("typed_extension_protocol_options", "http2_protocol_options", "transport_socket")


def note_control_planes(ctx: CompileContext, bootstrap: Bootstrap) -> None:
    """Let clusters that lead to a control plane have what the main thread reads, and no worker."""
    names = {*_clusters(bootstrap), *(getattr(sink, "cluster", "") for sink in ctx.stats_sinks)}
    for index, cluster in enumerate(bootstrap.static_resources.clusters):
        if cluster.name in names:
            for field in _OWN:
                ctx.elsewhere.add(f"static_resources.clusters[{index}].{field}")


def _clusters(bootstrap: Bootstrap) -> Iterator[str]:
    dynamic = bootstrap.dynamic_resources
    yield from _of_api(dynamic.ads_config)
    yield from _of_api(bootstrap.cluster_manager.load_stats_config)
    sources = [dynamic.cds_config, dynamic.lds_config, *bootstrap.config_sources]
    sources += [each.eds_cluster_config.eds_config for each in bootstrap.static_resources.clusters]
    for source in sources:
        yield from _of_api(source.api_config_source)


def _of_api(api: ApiConfigSource) -> Iterator[str]:
    yield from api.cluster_names
    for service in api.grpc_services:
        if service.HasField("envoy_grpc"):
            yield service.envoy_grpc.cluster_name
