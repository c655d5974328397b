"""Retries: two by default, for what cannot have reached an application.

Source: pilot/pkg/networking/core/route/retry/retry.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.control.resources.virtual_service import HttpRetry
from lateen.control.translate import api
from lateen.control.translate.values import duration, uint32

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import RetryPolicy

_ATTEMPTS = 2
_SELECTIONS = 5
_RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
_INBOUND_RETRY_ON = "reset-before-request"
_BY_STATUS = "retriable-status-codes"
_STATUSES = range(100, 600)


def outbound_retries(retry: HttpRetry | None, *, hashed: bool = False) -> RetryPolicy | None:
    """The retries of a route; None: there are none.

    Args:
        retry: what is written; None: the default.
        hashed: the host is chosen by a hash, so that another attempt goes to the same.
    """
    if retry is not None and retry.attempts <= 0:
        return None
    said = retry or HttpRetry(attempts=_ATTEMPTS)
    conditions, statuses = _conditions(said.retry_on) if said.retry_on else (_RETRY_ON, [])
    made = api.RetryPolicy(
        num_retries=uint32(said.attempts),
        retry_on=conditions,
        retriable_status_codes=statuses,
        host_selection_retry_max_attempts=_SELECTIONS,
    )
    avoids = said.retry_ignore_previous_hosts
    if avoids if avoids is not None else not hashed:
        made.retry_host_predicate.add(
            name="envoy.retry_host_predicates.previous_hosts",
            typed_config=api.packed(api.PreviousHosts()),
        )
    if said.retry_remote_localities:
        made.retry_priority.name = "envoy.retry_priorities.previous_priorities"
        priorities = api.PreviousPriorities(update_frequency=1)
        made.retry_priority.typed_config.CopyFrom(api.packed(priorities))
    if said.per_try_timeout is not None:
        made.per_try_timeout.CopyFrom(duration(said.per_try_timeout))
    if said.backoff is not None:
        made.retry_back_off.base_interval.CopyFrom(duration(said.backoff))
    return made


def inbound_retries() -> RetryPolicy:
    """The retries of a sidecar towards its application: of requests that were not even sent."""
    return api.RetryPolicy(num_retries=uint32(_ATTEMPTS), retry_on=_INBOUND_RETRY_ON)


def _conditions(written: str) -> tuple[str, list[int]]:
    """The conditions and the status codes among them."""
    words = [word.strip() for word in written.split(",") if word.strip()]
    statuses = [int(word) for word in words if word.isdigit() and int(word) in _STATUSES]
    conditions = [word for word in words if not (word.isdigit() and int(word) in _STATUSES)]
    if statuses and _BY_STATUS not in conditions:
        conditions.append(_BY_STATUS)
    return ",".join(conditions), statuses
