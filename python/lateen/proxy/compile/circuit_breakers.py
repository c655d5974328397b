"""Limits of a cluster, for the default and the high priority.

Source: envoy/config/cluster/v3/circuit_breaker.proto; Envoy docs, "Circuit breaking", defaults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import RetryBudget

if TYPE_CHECKING:
    from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.cluster.v3.CircuitBreakers",
        implemented="thresholds",
    ),
    Fields(
        "envoy.config.cluster.v3.CircuitBreakers.Thresholds",
        implemented="""
            priority max_connections max_pending_requests max_requests max_retries
            retry_budget track_remaining max_connection_pools
        """,
    ),
    whole("envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget"),
)

_LIMIT = 1024
_RETRIES = 3
_BUDGET_PERCENT = 20.0
_BUDGET_CONCURRENCY = 3


def default_limits() -> worker_pb2.CircuitBreakers:
    """The limits of a priority for which none are configured."""
    return worker_pb2.CircuitBreakers(
        max_connections=_LIMIT,
        max_pending_requests=_LIMIT,
        max_requests=_LIMIT,
        max_retries=_RETRIES,
    )


def compile_circuit_breakers(
    ctx: CompileContext, source: CircuitBreakers, at: str
) -> tuple[worker_pb2.CircuitBreakers, worker_pb2.CircuitBreakers]:
    """The limits of the default and of the high priority.

    Of several thresholds for one priority the first counts, as in Envoy.
    """
    found: dict[int, worker_pb2.CircuitBreakers] = {}
    for index, thresholds in enumerate(source.thresholds):
        where = f"{at}.thresholds[{index}]"
        if thresholds.priority in found:
            ctx.warning(where, "a second threshold of the same priority is ignored, as in Envoy")
        else:
            found[thresholds.priority] = _compile_thresholds(thresholds)
    return found.get(0) or default_limits(), found.get(1) or default_limits()


def _compile_thresholds(source: CircuitBreakers.Thresholds) -> worker_pb2.CircuitBreakers:
    limits = default_limits()
    if source.HasField("max_connections"):
        limits.max_connections = source.max_connections.value
    if source.HasField("max_pending_requests"):
        limits.max_pending_requests = source.max_pending_requests.value
    if source.HasField("max_requests"):
        limits.max_requests = source.max_requests.value
    if source.HasField("max_retries"):
        limits.max_retries = source.max_retries.value
    if source.HasField("max_connection_pools"):
        limits.max_connection_pools = source.max_connection_pools.value
    if source.HasField("retry_budget"):
        limits.retry_budget.CopyFrom(_compile_budget(source.retry_budget))
    limits.track_remaining = source.track_remaining
    return limits


def _compile_budget(source: CircuitBreakers.Thresholds.RetryBudget) -> RetryBudget:
    percent = source.HasField("budget_percent")
    concurrency = source.HasField("min_retry_concurrency")
    return RetryBudget(
        budget_percent=source.budget_percent.value if percent else _BUDGET_PERCENT,
        min_retry_concurrency=(
            source.min_retry_concurrency.value if concurrency else _BUDGET_CONCURRENCY
        ),
    )
