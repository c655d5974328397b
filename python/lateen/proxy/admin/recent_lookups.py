"""/stats/recentlookups: this proxy looks stats up by number, so there is nothing to list."""

from __future__ import annotations

from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.exchange import OK, AdminRequest, AdminResponse


def recent_lookups(_context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """What Envoy says while lookups are not tracked."""
    return AdminResponse(
        "Lookup tracking is not enabled. Use /stats/recentlookups/enable to enable.\n\ntotal: 0\n"
    )


def switch(_context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """enable, disable and clear: accepted, nothing to do."""
    return OK
