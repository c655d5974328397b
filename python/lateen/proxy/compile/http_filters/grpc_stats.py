"""envoy.filters.http.grpc_stats

Source: envoy/extensions/filters/http/grpc_stats/v3/config.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import GrpcService, GrpcStatsFilter, HttpFilter
from lateen.proxy.compile.registry import HttpExtension

if TYPE_CHECKING:
    from envoy.extensions.filters.http.grpc_stats.v3.config_pb2 import FilterConfig
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_CONFIG = "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig"

SUPPORT = (
    whole(_CONFIG, category="envoy.filters.http"),
    whole("envoy.config.core.v3.GrpcMethodList"),
    whole("envoy.config.core.v3.GrpcMethodList.Service"),
)


def compile_grpc_stats(
    ctx: CompileContext, message: Message, _owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter that counts calls and messages by method.

    Without `stats_for_all_methods` and a list of methods, all methods share one set of stats, as
    in Envoy.
    """
    config: FilterConfig = message  # type: ignore[assignment]
    services = config.individual_method_stats_allowlist.services
    return HttpFilter(
        grpc_stats=GrpcStatsFilter(
            emit_filter_state=config.emit_filter_state,
            stats_for_all_methods=config.stats_for_all_methods.value,
            listed=[
                GrpcService(name=service.name, methods=service.method_names) for service in services
            ],
            enable_upstream_stats=config.enable_upstream_stats,
            replace_dots_in_grpc_service_name=config.replace_dots_in_grpc_service_name,
        )
    )


EXTENSION = HttpExtension("envoy.filters.http.grpc_stats", _CONFIG, compile_grpc_stats, SUPPORT)
