"""/stats/recentlookups: this proxy looks stats up by number, so there is nothing to list."""

from __future__ import annotations

from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.exchange import OK, AdminRequest, AdminResponse


def recent_lookups(context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """An empty list, or that none is kept."""
    if context.lookups.tracked:
        return AdminResponse("   Count Lookup\n\ntotal: 0\n")
    return AdminResponse(
        "Lookup tracking is not enabled. Use /stats/recentlookups/enable to enable.\n\ntotal: 0\n"
    )


def enable(context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """From now on there is a list."""
    context.lookups.tracked = True
    return OK


def disable(context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """From now on there is none."""
    context.lookups.tracked = False
    return OK


def clear(_context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """The list is empty already."""
    return OK
