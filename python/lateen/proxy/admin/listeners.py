"""/listeners."""

from __future__ import annotations

from lateen.protos import worker_pb2
from lateen.proxy.admin.address import address_json, address_text
from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.exchange import JSON, AdminRequest, AdminResponse
from lateen.proxy.admin.json_text import JsonValue, document


def listeners(context: AdminContext, request: AdminRequest) -> AdminResponse:
    """Listeners and where they are bound."""
    statuses = [each for each in context.workers.listeners() if each.addresses]
    if request.query.get("format") == "json":
        entries: list[JsonValue] = [_json(status) for status in statuses]
        return AdminResponse(
            document({"listener_statuses": entries} if entries else {}), content_type=JSON
        )
    return AdminResponse(
        f"{status.name}::{address_text(address)}\n"
        for status in statuses
        for address in status.addresses
    )


def _json(status: worker_pb2.ListenerStatus) -> JsonValue:
    entry: dict[str, JsonValue] = {
        "name": status.name,
        "local_address": address_json(status.addresses[0]),
    }
    more: list[JsonValue] = [address_json(address) for address in status.addresses[1:]]
    if more:
        entry["additional_local_addresses"] = more
    return entry
