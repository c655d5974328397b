"""/csds: what a client status discovery service says of this proxy (ClientStatusResponse).

Source: envoy/service/status/v3/csds.proto
"""

from __future__ import annotations

from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.exchange import JSON, AdminRequest, AdminResponse
from lateen.proxy.admin.json_text import JsonValue, document


def csds(context: AdminContext, request: AdminRequest) -> AdminResponse:
    """The node and the state of every resource that comes over xDS."""
    config: dict[str, JsonValue] = {"node": context.config.node()}
    if context.dynamic is not None:
        from lateen.proxy.resources.client_status import client_status

        contents = not request.flag("exclude_resource_contents")
        config["generic_xds_configs"] = list(client_status(context.dynamic, contents=contents))
    return AdminResponse(document({"config": [config]}), content_type=JSON)
