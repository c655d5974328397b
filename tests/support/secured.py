"""A control plane's port with TLS in this process, and clients of it.

async with secured_port(directory) as port:
    issued = await port.join(Identity("cluster.local", "shop", "web"))
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import grpc
import grpc.aio

from lateen.control.ca.files import ROOT
from lateen.control.ca.tokens import Tokens
from lateen.control.mesh import Mesh
from lateen.control.mesh_config import MeshConfig
from lateen.control.push.plane import Plane
from lateen.control.resources.meta import Resource
from lateen.control.secure.run import Secured, SecureOptions, secured
from lateen.identity.client import Issued, create_certificate
from lateen.identity.keys import key_pem, new_key, signing_request
from lateen.identity.spiffe import Identity
from lateen.xds.codec import new_message
from lateen.xds.resource_types import CDS, ads_path


@dataclass
class Clients:
    """Clients of a port.

    Attributes:
        roots: PEM of those whom they trust.
        port: on the loopback.
    """

    roots: bytes
    port: int

    def channel(self, key: bytes = b"", chain: bytes = b"") -> grpc.aio.Channel:
        """A channel of a client with a certificate, or without."""
        credentials = grpc.ssl_channel_credentials(self.roots, key or None, chain or None)
        options = (("grpc.enable_retries", 0),)
        return grpc.aio.secure_channel(f"127.0.0.1:{self.port}", credentials, options)

    async def join(
        self, identity: Identity, token: str, life: timedelta | None = None
    ) -> tuple[bytes, Issued]:
        """A key, and its certificate by a join token."""
        key = new_key()
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

    @asynccontextmanager
    async def stream(
        self, node_id: str, key: bytes, chain: bytes, service_account: str = ""
    ) -> AsyncIterator[grpc.aio.StreamStreamCall[bytes, bytes]]:
        """An aggregated stream that has asked for clusters."""
        request = new_message("DeltaDiscoveryRequest")
        request.type_url = CDS.type_url
        request.node.id = node_id
        if service_account:
            request.node.metadata["SERVICE_ACCOUNT"] = service_account
        async with self.channel(key, chain) as channel:
            call = channel.stream_stream(ads_path(delta=True))()
            await call.write(request.SerializeToString())
            yield call
            call.cancel()

    async def subscribe(
        self, node_id: str, key: bytes, chain: bytes, service_account: str = ""
    ) -> bytes:
        """The first answer to it."""
        async with self.stream(node_id, key, chain, service_account) as call:
            return await call.read()


@dataclass
class Port(Clients):
    """A port in this process.

    Attributes:
        directory: of the authority.
        opened: what serves.
        said: what the control plane told.
    """

    directory: Path
    opened: Secured
    said: list[str]

    def token(self, namespace: str, service_account: str, life_s: float = 60.0) -> str:
        return Tokens(self.directory).create(namespace, service_account, life_s)

    async def join(
        self, identity: Identity, token: str = "", life: timedelta | None = None
    ) -> tuple[bytes, Issued]:
        """A key, and its certificate by a join token, a new one if none is given."""
        token = token or self.token(identity.namespace, identity.service_account)
        return await super().join(identity, token, life)


@asynccontextmanager
async def secured_port(
    directory: Path,
    config: MeshConfig | None = None,
    address: str = "127.0.0.1:0",
    names: tuple[str, ...] = (),
    resources: Sequence[Resource[object]] = (),
) -> AsyncIterator[Port]:
    """The port for the block's length; its authority is in a directory."""
    plane = Plane(Mesh(config or MeshConfig(), "cluster.local", resources))
    said: list[str] = []
    options = SecureOptions(directory, address, names)
    async with secured(plane, options, said.append) as opened:
        roots = (directory / ROOT).read_bytes()
        yield Port(roots, opened.port, directory, opened, said)


def node_of(namespace: str, name: str = "web-1") -> str:
    """The id of a sidecar's node."""
    return f"sidecar~10.0.0.1~{name}.{namespace}~{namespace}.svc.cluster.local"


async def refusal(call: Awaitable[object]) -> tuple[grpc.StatusCode, str]:
    """The status of a call that must fail."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    raise AssertionError("the call was answered")
