"""The control plane's secured side, from its authority to its port."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lateen.control.ca.counts import CaCounts
from lateen.control.ca.keeper import Keeper
from lateen.control.push.plane import Plane
from lateen.control.secure.certificates import CertificateService
from lateen.control.secure.peers import Peers
from lateen.control.secure.port import SecurePort
from lateen.control.secure.server_tls import ServerTls
from lateen.control.server import Server

_GRACE_S = 1.0


@dataclass(frozen=True)
class SecureOptions:
    """How the control plane is secured.

    Attributes:
        authority: the directory of the certificate authority.
        address: `HOST:PORT` where proxies connect with TLS.
        names: that they call the control plane by, beside Istio's own: hosts and addresses.
    """

    authority: Path
    address: str = "0.0.0.0:15012"
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Secured:
    """What serves with TLS.

    Attributes:
        port: where.
        keeper: of the authority.
        watching: keeps the authority as its files are; done when it cannot any more.
        counts: what the authority was asked for.
    """

    port: int
    keeper: Keeper
    watching: asyncio.Task[None]
    counts: CaCounts = field(default_factory=CaCounts)


@asynccontextmanager
async def secured(
    plane: Plane, options: SecureOptions, say: Callable[[str], None]
) -> AsyncIterator[Secured]:
    """Serve proxies and give certificates, with TLS, for the block's length.

    Raises:
        CaError: there is no authority, and none can be made.
        ServeError: the address cannot be listened to.
    """
    peers = Peers(lambda: plane.mesh.config, say)
    keeper = Keeper(options.authority, peers.trust_domain, say)
    counts = CaCounts()
    tls = ServerTls(keeper, lambda: peers.trust_domain, options.names)
    certificates = CertificateService(keeper, peers, say, counts)
    server = Server(plane, peers.admit, (certificates.handler(),))
    with tempfile.TemporaryDirectory(prefix="lateen-control-") as folder:
        upstream = Path(folder) / "grpc"
        server.listen_pipe(upstream)
        await server.start()
        port = SecurePort(upstream, tls.context, peers, say)
        watch = asyncio.create_task(keeper.watch())
        try:
            yield Secured(port.listen(options.address), keeper, watch, counts)
        finally:
            watch.cancel()
            await server.stop(_GRACE_S)
            await port.close()
