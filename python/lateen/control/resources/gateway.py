"""Gateway: what a proxy at the edge listens to.

Source: istio/api networking/v1alpha3/gateway.proto.
"""

from __future__ import annotations

from lateen.control.resources.meta import Strict
from lateen.control.resources.traffic import Port, ServerTls


class Server(Strict, frozen=True):
    """One port of a gateway."""

    hosts: tuple[str, ...] = ()
    port: Port | None = None
    bind: str = ""
    tls: ServerTls | None = None
    default_endpoint: str = ""
    name: str = ""


class Gateway(Strict, frozen=True):
    """What `spec` holds."""

    servers: tuple[Server, ...] = ()
    selector: dict[str, str] = {}
