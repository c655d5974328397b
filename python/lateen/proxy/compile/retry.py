"""Retry policies.

Source: RetryPolicy in envoy/config/route/v3/route_components.proto, Envoy docs, router filter
(x-envoy-retry-on); defaults and errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import RateLimitedBackoff
from lateen.proxy.compile.matchers import compile_headers
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import RetryPolicy
    from envoy.extensions.retry.priority.previous_priorities.v3 import (
        previous_priorities_config_pb2 as previous_priorities,
    )

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.route.v3.RetryPolicy",
        implemented="""
            retry_on num_retries per_try_timeout per_try_idle_timeout
            retry_host_predicate host_selection_retry_max_attempts retry_priority
            retriable_status_codes retry_back_off rate_limited_retry_back_off
            retriable_headers retriable_request_headers
        """,
        rejected={"retry_options_predicates": "Envoy has no such extension"},
    ),
    Fields(
        "envoy.config.route.v3.RetryPolicy.RetryBackOff",
        implemented="base_interval max_interval",
    ),
    Fields(
        "envoy.config.route.v3.RetryPolicy.RateLimitedRetryBackOff",
        implemented="reset_headers max_interval",
    ),
    Fields(
        "envoy.config.route.v3.RetryPolicy.RetryHostPredicate",
        implemented="name typed_config",
    ),
    Fields(
        "envoy.config.route.v3.RetryPolicy.RetryPriority",
        implemented="name typed_config",
    ),
    Fields(
        "envoy.config.route.v3.HedgePolicy",
        implemented="hedge_on_per_try_timeout",
        harmless={
            "initial_requests": "Envoy makes one request at first, whatever it says",
            "additional_request_chance": "Envoy makes no further ones by chance",
        },
    ),
    whole("envoy.config.route.v3.RetryPolicy.ResetHeader"),
    whole(
        "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        category="envoy.retry_host_predicates",
    ),
    whole(
        "envoy.extensions.retry.host.omit_canary_hosts.v3.OmitCanaryHostsPredicate",
        category="envoy.retry_host_predicates",
    ),
    whole(
        "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
        category="envoy.retry_priorities",
    ),
)

CONDITIONS = frozenset(
    [
        "5xx",
        "gateway-error",
        "reset",
        "reset-before-request",
        "connect-failure",
        "envoy-ratelimited",
        "retriable-4xx",
        "refused-stream",
        "retriable-status-codes",
        "retriable-headers",
        "http3-post-connect-failure",
        "cancelled",
        "deadline-exceeded",
        "internal",
        "resource-exhausted",
        "unavailable",
    ]
)

_BASE_MS = 25
_MAX_FACTOR = 10
_RATE_LIMITED_MAX_MS = 300_000
_PREVIOUS_HOSTS = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
_OMIT_CANARY = "envoy.extensions.retry.host.omit_canary_hosts.v3.OmitCanaryHostsPredicate"
_PREVIOUS_PRIORITIES = (
    "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig"
)
_PREDICATES = {
    "envoy.retry_host_predicates.previous_hosts": _PREVIOUS_HOSTS,
    "envoy.retry_host_predicates.omit_canary_hosts": _OMIT_CANARY,
}


def compile_retry_policy(
    ctx: CompileContext, policy: RetryPolicy, at: str
) -> worker_pb2.RetryPolicy:
    """One retry policy, with Envoy's defaults: one retry, back-off from 25 ms to ten times that."""
    base, longest = _back_off(ctx, policy, at)
    retriable = compile_headers(ctx, policy.retriable_headers, f"{at}.retriable_headers")
    only_for = compile_headers(
        ctx, policy.retriable_request_headers, f"{at}.retriable_request_headers"
    )
    compiled = worker_pb2.RetryPolicy(
        retry_on=conditions(policy.retry_on),
        num_retries=policy.num_retries.value if policy.HasField("num_retries") else 1,
        per_try_timeout_ms=milliseconds(policy.per_try_timeout),
        per_try_idle_timeout_ms=milliseconds(policy.per_try_idle_timeout),
        backoff_base_ms=base,
        backoff_max_ms=longest,
        retriable_status_codes=policy.retriable_status_codes,
        retriable_headers=retriable,
        retriable_request_headers=only_for,
        host_selection_max_attempts=max(policy.host_selection_retry_max_attempts, 1),
    )
    _host_predicates(ctx, policy, compiled, f"{at}.retry_host_predicate")
    if policy.HasField("retry_priority"):
        _retry_priority(ctx, policy.retry_priority, compiled, f"{at}.retry_priority")
    if policy.HasField("rate_limited_retry_back_off"):
        compiled.rate_limited_backoff.CopyFrom(_rate_limited(ctx, policy, at))
    return compiled


def conditions(retry_on: str) -> list[str]:
    """The names in `retry_on` that exist: Envoy ignores the others."""
    names = (name.strip() for name in retry_on.split(","))
    return [name for name in names if name in CONDITIONS]


def _back_off(ctx: CompileContext, policy: RetryPolicy, at: str) -> tuple[int, int]:
    if not policy.HasField("retry_back_off"):
        return _BASE_MS, _BASE_MS * _MAX_FACTOR
    back_off = policy.retry_back_off
    where = f"{at}.retry_back_off"
    base = max(milliseconds(back_off.base_interval), 1)
    if not back_off.HasField("max_interval"):
        return base, base * _MAX_FACTOR
    longest = max(milliseconds(back_off.max_interval), 1)
    if longest < base:
        reason = "retry_policy.max_interval must greater than or equal to the base_interval"
        ctx.error(f"{where}.max_interval", reason)
    return base, longest


def _host_predicates(
    ctx: CompileContext, policy: RetryPolicy, out: worker_pb2.RetryPolicy, at: str
) -> None:
    for index, predicate in enumerate(policy.retry_host_predicate):
        type_url = predicate.typed_config.type_url
        kind = type_url.rpartition("/")[2] if type_url else _PREDICATES.get(predicate.name)
        if kind == _PREVIOUS_HOSTS:
            out.previous_hosts = True
        elif kind == _OMIT_CANARY:
            out.omit_canary_hosts = True
        else:
            what = f"retry host predicate {predicate.name} ({kind or 'no typed_config'})"
            ctx.unimplemented(f"{at}[{index}]", what, ", ".join(_PREDICATES))


def _retry_priority(
    ctx: CompileContext, priority: RetryPolicy.RetryPriority, out: worker_pb2.RetryPolicy, at: str
) -> None:
    config = ctx.unpack(priority.typed_config)
    kind = config.DESCRIPTOR.full_name if config is not None else ""
    if kind == _PREVIOUS_PRIORITIES:
        previous = cast("previous_priorities.PreviousPrioritiesConfig", config)
        out.previous_priorities_update_frequency = previous.update_frequency
        return
    what = f"retry priority {priority.name} ({kind or 'no typed_config'})"
    ctx.unimplemented(at, what, _PREVIOUS_PRIORITIES)


def _rate_limited(ctx: CompileContext, policy: RetryPolicy, at: str) -> RateLimitedBackoff:
    source = policy.rate_limited_retry_back_off
    longest = milliseconds(source.max_interval) if source.HasField("max_interval") else None
    return RateLimitedBackoff(
        reset_headers=[
            RateLimitedBackoff.ResetHeader(
                name=header.name.lower(), unix_timestamp=bool(header.format)
            )
            for header in source.reset_headers
        ],
        max_interval_ms=_RATE_LIMITED_MAX_MS if longest is None else longest,
    )
