"""A control plane's port with TLS in this process, and clients of it.

async with secured_port(directory) as port:
    issued = await port.join(Identity("cluster.local", "shop", "web"))
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import grpc
import grpc.aio

from lateen.control.ca.files import ROOT
from lateen.control.ca.tokens import Tokens
from lateen.control.mesh import Mesh
from lateen.control.mesh_config import MeshConfig
from lateen.control.push.plane import Plane
from lateen.control.secure.run import Secured, SecureOptions, secured
from lateen.identity.client import Issued, create_certificate
from lateen.identity.keys import key_pem, new_key, signing_request
from lateen.identity.spiffe import Identity
from lateen.xds.codec import new_message
from lateen.xds.resource_types import CDS, ads_path


@dataclass
class Port:
    """The port.

    Attributes:
        directory: of the authority.
        opened: what serves.
        said: what the control plane told.
    """

    directory: Path
    opened: Secured
    said: list[str] = field(default_factory=list)

    def token(self, namespace: str, service_account: str, life_s: float = 60.0) -> str:
        return Tokens(self.directory).create(namespace, service_account, life_s)

    def channel(self, key: bytes = b"", chain: bytes = b"") -> grpc.aio.Channel:
        """A channel that trusts the mesh, of a client with a certificate or without."""
        roots = (self.directory / ROOT).read_bytes()
        credentials = grpc.ssl_channel_credentials(roots, key or None, chain or None)
        options = (("grpc.enable_retries", 0),)
        return grpc.aio.secure_channel(f"127.0.0.1:{self.opened.port}", credentials, options)

    async def join(
        self, identity: Identity, token: str = "", life: timedelta | None = None
    ) -> tuple[bytes, Issued]:
        """A key, and its certificate by a join token."""
        key = new_key()
        token = token or self.token(identity.namespace, identity.service_account)
        return key_pem(key), await self.ask(signing_request(key, identity), token, life=life)

    async def ask(
        self,
        request: bytes,
        token: str = "",
        key: bytes = b"",
        chain: bytes = b"",
        life: timedelta | None = None,
    ) -> Issued:
        async with self.channel(key, chain) as channel:
            return await create_certificate(channel, request, life, token)

    async def subscribe(
        self, node_id: str, key: bytes, chain: bytes, service_account: str = ""
    ) -> bytes:
        """The first answer of an aggregated stream that asks for clusters."""
        request = new_message("DeltaDiscoveryRequest")
        request.type_url = CDS.type_url
        request.node.id = node_id
        if service_account:
            request.node.metadata["SERVICE_ACCOUNT"] = service_account
        async with self.channel(key, chain) as channel:
            call = channel.stream_stream(ads_path(delta=True))()
            await call.write(request.SerializeToString())
            answer = await call.read()
            call.cancel()
            return answer


@asynccontextmanager
async def secured_port(directory: Path, config: MeshConfig | None = None) -> AsyncIterator[Port]:
    """The port for the block's length; its authority is in a directory."""
    plane = Plane(Mesh(config or MeshConfig(), "cluster.local", ()))
    said: list[str] = []
    options = SecureOptions(directory, "127.0.0.1:0")
    async with secured(plane, options, said.append) as opened:
        yield Port(directory, opened, said)


def node_of(namespace: str, name: str = "web-1") -> str:
    """The id of a sidecar's node."""
    return f"sidecar~10.0.0.1~{name}.{namespace}~{namespace}.svc.cluster.local"
