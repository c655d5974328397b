"""/runtime and /runtime_modify."""

from __future__ import annotations

from http import HTTPStatus

from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.exchange import JSON, OK, AdminRequest, AdminResponse, bad_request
from lateen.proxy.admin.json_text import JsonValue, document


def runtime(context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """The layers, and each key's value in each of them; the last that has one counts."""
    layers = context.runtime.layers
    entries: dict[str, JsonValue] = {}
    for key in sorted({key for layer in layers for key in layer.values}):
        values = [layer.values.get(key, "") for layer in layers]
        final = next((value for value in reversed(values) if value), "")
        entries[key] = {"final_value": final, "layer_values": list(values)}
    names: list[JsonValue] = [layer.name for layer in layers]
    return AdminResponse(document({"layers": names, "entries": entries}), content_type=JSON)


def runtime_modify(context: AdminContext, request: AdminRequest) -> AdminResponse:
    """Sets keys in the admin layer; an empty value takes a key out."""
    if not request.query:
        return bad_request(
            "usage: /runtime_modify?key1=value1&key2=value2&keyN=valueN\n"
            "       or send the parameters as form values\n"
            "use an empty value to remove a previously added override"
        )
    if not context.runtime.override(request.query):
        return AdminResponse("No admin layer specified", HTTPStatus.SERVICE_UNAVAILABLE)
    return OK
