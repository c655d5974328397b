"""envoy.filters.http.ratelimit

Source: envoy/extensions/filters/http/ratelimit/v3/rate_limit.proto; Envoy docs, "Rate limit";
errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import FilterOverride, HttpFilter, RateLimitFilter, RateLimitOfRoute
from lateen.proxy.compile.headers import compile_options
from lateen.proxy.compile.rate_limits import compile_rate_limits
from lateen.proxy.compile.registry import HttpExtension, Override
from lateen.proxy.compile.service_client import GRPC_SERVICE, compile_grpc_client
from lateen.proxy.compile.values import milliseconds, runtime_fraction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envoy.config.route.v3.route_components_pb2 import RateLimit
    from envoy.extensions.filters.http.ratelimit.v3 import rate_limit_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_PACKAGE = "envoy.extensions.filters.http.ratelimit.v3"
_SERVICE = "envoy.config.ratelimit.v3.RateLimitServiceConfig"
_NAMESPACE = "envoy.filters.http.ratelimit"
_TIMEOUT_MS = 20
_TOO_MANY = 429
_ERROR = 500
_LOWEST_STATUS = 400

SUPPORT = (
    Fields(
        f"{_PACKAGE}.RateLimit",
        implemented="""
            domain stage request_type timeout failure_mode_deny rate_limited_as_resource_exhausted
            rate_limit_service enable_x_ratelimit_headers disable_x_envoy_ratelimited_header
            rate_limited_status response_headers_to_add status_on_error stat_prefix filter_enabled
            filter_enforced failure_mode_deny_percent rate_limits metadata_namespace
            enable_retry_after_header
        """,
        within={
            "rate_limit_service": Fields(
                _SERVICE,
                implemented="grpc_service transport_api_version",
                within={"grpc_service": GRPC_SERVICE},
            )
        },
        category="envoy.filters.http",
    ),
    Fields(
        f"{_PACKAGE}.RateLimitPerRoute",
        implemented="vh_rate_limits rate_limits domain",
        harmless={"override_option": "Envoy 1.40 does not read it"},
        category="envoy.filters.http",
    ),
)


def compile_ratelimit(
    ctx: CompileContext, message: Message, _owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter that asks a service whether a request is one too many."""
    config: envoy.RateLimit = message  # type: ignore[assignment]
    timeout_ms = milliseconds(config.timeout) if config.HasField("timeout") else _TIMEOUT_MS
    where = f"{at}.rate_limit_service.grpc_service"
    service = compile_grpc_client(ctx, config.rate_limit_service.grpc_service, timeout_ms, where)
    # As in Envoy, what the service itself says of it does not count.
    service.client.timeout_ms = timeout_ms
    names = {"": "BOTH", "both": "BOTH", "internal": "INTERNAL", "external": "EXTERNAL"}
    compiled = RateLimitFilter(
        service=service,
        domain=config.domain,
        stage=config.stage,
        request_type=names.get(config.request_type, "BOTH"),
        failure_mode_deny=config.failure_mode_deny,
        status=_status(config.rate_limited_status.code, _TOO_MANY),
        status_on_error=config.status_on_error.code or _ERROR,
        resource_exhausted=config.rate_limited_as_resource_exhausted,
        x_ratelimit_headers=bool(config.enable_x_ratelimit_headers),
        x_envoy_ratelimited_header=not config.disable_x_envoy_ratelimited_header,
        retry_after_header=config.enable_retry_after_header,
        response_headers=compile_options(
            ctx, config.response_headers_to_add, f"{at}.response_headers_to_add"
        ),
        metadata_namespace=config.metadata_namespace or _NAMESPACE,
        cluster_stats="ratelimit" + (f".{config.stat_prefix}" if config.stat_prefix else ""),
        rate_limits=compile_rate_limits(ctx, config.rate_limits, f"{at}.rate_limits"),
    )
    _compile_shares(config, compiled)
    _check_rate_limits(ctx, config.rate_limits, f"{at}.rate_limits")
    return HttpFilter(ratelimit=compiled)


def _status(code: int, otherwise: int) -> int:
    return code if code >= _LOWEST_STATUS else otherwise


def _compile_shares(config: envoy.RateLimit, out: RateLimitFilter) -> None:
    if config.HasField("filter_enabled"):
        out.enabled.CopyFrom(runtime_fraction(config.filter_enabled))
    if config.HasField("filter_enforced"):
        out.enforced.CopyFrom(runtime_fraction(config.filter_enforced))
    if config.HasField("failure_mode_deny_percent"):
        out.failure_mode_deny_share.CopyFrom(runtime_fraction(config.failure_mode_deny_percent))


def _check_rate_limits(ctx: CompileContext, limits: Sequence[RateLimit], at: str) -> None:
    for index, limit in enumerate(limits):
        if limit.HasField("stage") or limit.disable_key:
            reason = "'stage' field and 'disable_key' field are not supported"
            ctx.error(f"{at}[{index}]", reason)


def compile_ratelimit_override(
    ctx: CompileContext, message: Message, out: FilterOverride, at: str
) -> None:
    """What a route says of the limits that its requests have."""
    config: envoy.RateLimitPerRoute = message  # type: ignore[assignment]
    out.ratelimit.CopyFrom(
        RateLimitOfRoute(
            virtual_host_limits=cast("RateLimitFilter.VirtualHostLimits", config.vh_rate_limits),
            rate_limits=compile_rate_limits(ctx, config.rate_limits, f"{at}.rate_limits"),
            domain=config.domain,
        )
    )
    _check_rate_limits(ctx, config.rate_limits, f"{at}.rate_limits")


EXTENSION = HttpExtension(
    "envoy.filters.http.ratelimit",
    f"{_PACKAGE}.RateLimit",
    compile_ratelimit,
    SUPPORT,
    Override(f"{_PACKAGE}.RateLimitPerRoute", compile_ratelimit_override),
)
