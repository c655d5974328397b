"""The route tables of a proxy, whichever type it is."""

from __future__ import annotations

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy, ProxyType
from lateen.control.translate.gateways.tables import GatewayTables
from lateen.control.translate.reuse import Inputs, Reuse, afresh
from lateen.control.translate.routes.tables import Tables


def tables_of(mesh: Mesh, proxy: Proxy) -> Tables | GatewayTables:
    """What makes the tables of a proxy by name."""
    return tables_from(Inputs.of(mesh, proxy))


def tables_from(inputs: Inputs, reuse: Reuse = afresh) -> Tables | GatewayTables:
    """As `tables_of`, with parts that may have been made before."""
    if inputs.proxy.type is ProxyType.ROUTER:
        return GatewayTables(inputs.mesh, inputs.proxy)
    return Tables(inputs, reuse)
