"""envoy.filters.http.router

Source: envoy/extensions/filters/http/router/v3/router.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import HttpFilter, RouterFilter
from lateen.proxy.compile.access_log import compile_access_logs
from lateen.proxy.compile.registry import HttpExtension

if TYPE_CHECKING:
    from envoy.extensions.filters.http.router.v3.router_pb2 import Router
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

SUPPORT = (
    Fields(
        "envoy.extensions.filters.http.router.v3.Router",
        implemented="""
            dynamic_stats upstream_log suppress_envoy_headers strict_check_headers
            respect_expected_rq_timeout suppress_grpc_request_failure_code_stats start_child_span
        """,
        harmless={
            "upstream_log_options": "a log of upstream requests is written at their end",
        },
        category="envoy.filters.http",
    ),
)


def compile_router(
    ctx: CompileContext, message: Message, _owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter that sends a request to its cluster."""
    config: Router = message  # type: ignore[assignment]
    dynamic_stats = config.dynamic_stats.value or not config.HasField("dynamic_stats")
    return HttpFilter(
        router=RouterFilter(
            dynamic_stats=dynamic_stats,
            suppress_envoy_headers=config.suppress_envoy_headers,
            respect_expected_rq_timeout=config.respect_expected_rq_timeout,
            suppress_grpc_request_failure_code_stats=(
                config.suppress_grpc_request_failure_code_stats
            ),
            strict_check_headers=[name.lower() for name in config.strict_check_headers],
            upstream_logs=compile_access_logs(ctx, config.upstream_log, f"{at}.upstream_log"),
            start_child_span=config.start_child_span,
        )
    )


EXTENSION = HttpExtension(
    "envoy.filters.http.router",
    "envoy.extensions.filters.http.router.v3.Router",
    compile_router,
    SUPPORT,
)
