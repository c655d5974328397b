"""All listeners of a proxy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy, ProxyType
from lateen.control.translate.gateways.listeners import Listeners
from lateen.control.translate.listeners.inbound import Inbound
from lateen.control.translate.listeners.outbound import Outbound
from lateen.control.translate.reuse import Inputs

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_pb2 import Listener


def listeners(mesh: Mesh, proxy: Proxy) -> list[Listener]:
    """The listeners that a proxy is sent."""
    inputs = Inputs.of(mesh, proxy)
    return [*outbound_listeners(inputs), *inbound_listeners(inputs)]


def outbound_listeners(inputs: Inputs) -> Iterator[Listener]:
    """Those of what the application of a sidecar sends; all of a gateway."""
    if inputs.proxy.type is ProxyType.ROUTER:
        return Listeners(inputs.mesh, inputs.proxy).listeners()
    return Outbound(inputs.mesh, inputs.proxy, inputs.scope).listeners()


def inbound_listeners(inputs: Inputs) -> Iterator[Listener]:
    """Those of what the application of a sidecar is sent."""
    if inputs.proxy.type is ProxyType.SIDECAR:
        yield from Inbound(inputs.mesh, inputs.proxy, inputs.scope).listeners()
