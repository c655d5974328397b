"""From a request to the endpoint that answers it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus

from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.exchange import AdminRequest, AdminResponse
from lateen.proxy.admin.help import not_found
from lateen.proxy.admin.registry import ENDPOINTS

Dispatch = Callable[[AdminRequest], AdminResponse]


class Dispatcher:
    """Finds endpoints by path."""

    def __init__(
        self, context: AdminContext, allowed: Sequence[Callable[[str], bool]] = ()
    ) -> None:
        self._context = context
        self._allowed = allowed
        self._endpoints = {endpoint.path: endpoint for endpoint in ENDPOINTS}

    def __call__(self, request: AdminRequest) -> AdminResponse:
        """The answer to a request."""
        if self._allowed and not any(test(request.path) for test in self._allowed):
            return AdminResponse(
                f"request to path {request.path} not allowed", HTTPStatus.FORBIDDEN
            )
        endpoint = self._endpoints.get(request.path)
        if endpoint is None:
            return not_found(ENDPOINTS)
        if endpoint.mutates and request.method != "POST":
            self._context.log.error(
                "admin",
                f'admin path "{endpoint.path}" mutates state, method={request.method}'
                " rather than POST",
            )
            return AdminResponse(
                f"Method {request.method} not allowed, POST required.",
                HTTPStatus.METHOD_NOT_ALLOWED,
            )
        try:
            return endpoint.handler(self._context, request)
        except Exception as error:
            # A fault of one endpoint must not end the proxy.
            self._context.log.error("admin", f"{endpoint.path}: {type(error).__name__}: {error}")
            return AdminResponse("internal error\n", HTTPStatus.INTERNAL_SERVER_ERROR)
