"""/memory and the heap dumps."""

from __future__ import annotations

from http import HTTPStatus

from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.exchange import JSON, AdminRequest, AdminResponse
from lateen.proxy.admin.json_text import document
from lateen.proxy.memory import memory_use


def memory(_context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """What the process uses; there is no TCMalloc here, so its own numbers are 0."""
    use = memory_use()
    return AdminResponse(
        document(
            {
                "allocated": str(use.anonymous),
                "heap_size": str(use.heap),
                "pageheap_unmapped": "0",
                "pageheap_free": "0",
                "total_thread_cache": "0",
                "total_physical_bytes": str(use.resident),
            }
        ),
        content_type=JSON,
    )


def unsupported_heap_dump(_context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """Heap dumps need TCMalloc."""
    return AdminResponse("Heap dump is not supported\n", HTTPStatus.NOT_IMPLEMENTED)
