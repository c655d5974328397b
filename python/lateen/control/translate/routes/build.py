"""The route tables of a proxy, whichever type it is."""

from __future__ import annotations

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy, ProxyType
from lateen.control.translate.gateways.tables import GatewayTables
from lateen.control.translate.routes.tables import Tables


def tables_of(mesh: Mesh, proxy: Proxy) -> Tables | GatewayTables:
    """What makes the tables of a proxy by name."""
    return GatewayTables(mesh, proxy) if proxy.type is ProxyType.ROUTER else Tables(mesh, proxy)
