"""All listeners of a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy, ProxyType
from lateen.control.translate.gateways.listeners import Listeners
from lateen.control.translate.listeners.inbound import Inbound
from lateen.control.translate.listeners.outbound import Outbound
from lateen.control.translate.scope.sidecar import sidecar_scope

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_pb2 import Listener


def listeners(mesh: Mesh, proxy: Proxy) -> list[Listener]:
    """The listeners that a proxy is sent."""
    if proxy.type is ProxyType.ROUTER:
        return list(Listeners(mesh, proxy).listeners())
    scope = sidecar_scope(mesh, proxy)
    return [
        *Outbound(mesh, proxy, scope).listeners(),
        *Inbound(mesh, proxy, scope).listeners(),
    ]
