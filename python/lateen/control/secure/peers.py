"""Who is at the other end of each connection, as TLS has proved it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import grpc
from cryptography import x509

from lateen.control import wire
from lateen.control.mesh_config import MeshConfig
from lateen.control.model.proxy import Proxy
from lateen.control.secure.refused import RefusedError
from lateen.identity.spiffe import Identity, IdentityError, uris

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import Node

_PREFIX = "unix-abstract:"
# Of what a client says of itself.
_LONGEST_TOLD = 200


@dataclass(frozen=True)
class Peer:
    """The other end of a connection.

    Attributes:
        address: where it connected from.
        certificate: that it has, which a root of the mesh vouches for; None: it has shown none.
    """

    address: str
    certificate: x509.Certificate | None


class Peers:
    """The connections that there are.

    Args:
        config: what holds for the mesh now.
        say: is told of each proxy that is refused, a line each.
    """

    def __init__(self, config: Callable[[], MeshConfig], say: Callable[[str], None]) -> None:
        self._config = config
        self._say = say
        self._connected: dict[str, Peer] = {}

    @contextmanager
    def connected(self, name: str, peer: Peer) -> Iterator[None]:
        """A connection lasts; gRPC sees it come from the abstract socket of this name."""
        self._connected[name] = peer
        try:
            yield
        finally:
            del self._connected[name]

    def peer(self, seen: str) -> Peer:
        """The other end of a connection, by what gRPC says of it.

        Raises:
            RefusedError: it came another way than through the port with TLS.
        """
        found = self._connected.get(seen.removeprefix(_PREFIX))
        if found is None:
            raise RefusedError(grpc.StatusCode.UNAUTHENTICATED, "the connection has no TLS")
        return found

    def identity(self, peer: Peer) -> Identity:
        """The identity that a connection's certificate proves.

        Raises:
            RefusedError: it has no certificate, or one of another mesh.
        """
        if peer.certificate is None:
            raise _unknown("a client certificate of the mesh is needed")
        named = uris(peer.certificate)
        if len(named) != 1:
            raise _unknown(f"the client certificate names {len(named)} identities, not one")
        try:
            found = Identity.parse(named[0])
        except IdentityError as error:
            raise _unknown(f"the client certificate: {error}") from None
        if found.trust_domain not in self.trust_domains:
            raise _unknown(f"{found} is of another trust domain than the mesh")
        return found

    @property
    def trust_domain(self) -> str:
        """That certificates are given for."""
        return self._config().trust_domain

    @property
    def trust_domains(self) -> tuple[str, ...]:
        """All whose certificates prove who a caller is."""
        config = self._config()
        return (config.trust_domain, *config.trust_domain_aliases)

    def admit(self, seen: str, node: Node) -> Proxy:
        """The proxy that a node is, if its connection's certificate says so, too.

        Source: Istio, pilot/pkg/xds/auth.go checkConnectionIdentity.

        Raises:
            NodeError: its id is none of a proxy.
            RefusedError: it has no certificate, or is another one.
        """
        peer = self.peer(seen)
        try:
            return _as_claimed(node, self.identity(peer))
        except RefusedError as error:
            self._say(f"refused {peer.address}: node {node.id[:_LONGEST_TOLD]!r}: {error}")
            raise


def _as_claimed(node: Node, identity: Identity) -> Proxy:
    proxy = wire.proxy_of(node)
    if "SERVICE_ACCOUNT" not in node.metadata.fields:
        proxy = replace(proxy, service_account=identity.service_account)
    if (proxy.namespace, proxy.service_account) != (identity.namespace, identity.service_account):
        account, namespace = proxy.service_account[:_LONGEST_TOLD], proxy.namespace[:_LONGEST_TOLD]
        claimed = f"service account {account!r} of namespace {namespace!r}"
        raise RefusedError(grpc.StatusCode.PERMISSION_DENIED, f"{identity} is not {claimed}")
    return replace(proxy, trusted=True)


def _unknown(reason: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.UNAUTHENTICATED, reason)
