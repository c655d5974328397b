"""What injected faults must be.

Source: Istio pkg/config/validation/validation.go validateHTTPFaultInjection.
"""

from __future__ import annotations

from lateen.control.model.grpc import GRPC_STATUSES
from lateen.control.resources.checks.values import check_duration, check_fault_percentage
from lateen.control.resources.field import Field
from lateen.control.resources.virtual_service import FaultAbort, FaultDelay, HttpFault


def check_fault(at: Field, fault: HttpFault | None) -> None:
    """Note what is wrong with delays and aborts; None: there are none."""
    if fault is None:
        return
    if fault.abort is None and fault.delay is None:
        at.error("the fault does nothing", "set abort or delay")
    if fault.abort is not None:
        _check_abort(at / "abort", fault.abort)
    if fault.delay is not None:
        _check_delay(at / "delay", fault.delay)


def check_status(at: Field, status: int) -> None:
    """Note what is no status of an answer."""
    if not 200 <= status <= 600:
        at.error(f"{status} is no HTTP status", "200 to 599")


def _check_abort(at: Field, abort: FaultAbort) -> None:
    at.at_most_one("httpStatus", "grpcStatus", "http2Error")
    check_fault_percentage(at / "percentage", abort.percentage)
    if abort.grpc_status is not None and abort.grpc_status not in GRPC_STATUSES:
        (at / "grpcStatus").error(f"{abort.grpc_status!r} is no gRPC status", "as NOT_FOUND")
    if abort.http2_error is not None:
        (at / "http2Error").error("errors of HTTP/2 are not injected", "use httpStatus")
    if abort.http_status is not None:
        check_status(at / "httpStatus", abort.http_status)
    if (abort.grpc_status, abort.http2_error, abort.http_status) == (None, None, None):
        at.warn("requests are aborted with no status", "set httpStatus or grpcStatus")


def _check_delay(at: Field, delay: FaultDelay) -> None:
    at.at_most_one("fixedDelay", "exponentialDelay")
    check_fault_percentage(at / "percentage", delay.percentage)
    check_duration(at / "fixedDelay", delay.fixed_delay)
    if delay.exponential_delay is not None:
        (at / "exponentialDelay").error("exponential delays are not injected", "use fixedDelay")
