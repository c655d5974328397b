"""/ready."""

from __future__ import annotations

from http import HTTPStatus

from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.exchange import AdminRequest, AdminResponse
from lateen.proxy.stats.process import ServerState


def ready(context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """The state; 200 when it is LIVE."""
    state = context.control.state
    live = state is ServerState.LIVE
    status = HTTPStatus.OK if live else HTTPStatus.SERVICE_UNAVAILABLE
    return AdminResponse(f"{state.name}\n", status)
