"""/drain_listeners, /healthcheck/fail, /healthcheck/ok and /quitquitquit."""

from __future__ import annotations

from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.exchange import OK, AdminRequest, AdminResponse


def drain_listeners(context: AdminContext, request: AdminRequest) -> AdminResponse:
    """Stops listeners: at once, or after a drain period with `graceful`; never with `skip_exit`."""
    context.control.drain_listeners(
        graceful=request.flag("graceful"),
        inbound_only=request.flag("inboundonly"),
        skip_exit=request.flag("skip_exit"),
    )
    return OK


def fail_health_check(context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """The server looks unhealthy, and connections close after their request."""
    context.control.set_health_check_failed(True)
    return OK


def pass_health_check(context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """The server looks healthy again."""
    context.control.set_health_check_failed(False)
    return OK


def quit_server(context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """The process drains and ends."""
    context.control.quit()
    return OK
