"""Endpoints of a few lines."""

from __future__ import annotations

from http import HTTPStatus

from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.exchange import JSON, OK, AdminRequest, AdminResponse, bad_request
from lateen.proxy.admin.json_text import document


def contention(_context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """/contention: mutexes are not traced."""
    return AdminResponse(
        "Mutex contention tracing is not enabled. To enable, run Envoy with flag"
        " --enable-mutex-tracing."
    )


def hot_restart_version(context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """/hot_restart_version: of the messages between the old process and the new."""
    return AdminResponse(context.restart.version)


def init_dump(context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """/init_dump: what the start waits for; nothing, where all is static."""
    if context.dynamic is None:
        return AdminResponse(document({}), content_type=JSON)
    from lateen.proxy.resources import dump

    return AdminResponse(document(dump.init_dump(context.dynamic)), content_type=JSON)


def reopen_logs(context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """/reopen_logs: opens every log file anew."""
    context.control.reopen_logs()
    return OK


def cpu_profiler(_context: AdminContext, request: AdminRequest) -> AdminResponse:
    """/cpuprofiler: there is none in the process (use perf)."""
    enable = request.query.get("enable")
    if enable not in ("y", "n"):
        return bad_request("?enable=<y|n>\n")
    if enable == "n":
        return OK
    return AdminResponse("failure to start the profiler", HTTPStatus.INTERNAL_SERVER_ERROR)


def heap_profiler(_context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """/heapprofiler and /allocprofiler: there is none in the process."""
    return AdminResponse(
        "The current build does not support heap profiler", HTTPStatus.NOT_IMPLEMENTED
    )


def tcmalloc(_context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """/memory/tcmalloc: the allocators are Python's and mimalloc."""
    return AdminResponse("TCMalloc is not used by this process\n", HTTPStatus.NOT_IMPLEMENTED)
