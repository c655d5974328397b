"""One server of a Gateway, as one proxy serves it.

Source: pilot/pkg/model/gateway.go, pkg/config/gateway/gateway.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lateen.control.model.hosts import contains
from lateen.control.model.protocol import Protocol, parse_protocol
from lateen.control.model.service import UNSPECIFIED
from lateen.control.resources.gateway import Gateway, Server
from lateen.control.resources.meta import Resource
from lateen.control.resources.traffic import PASSED_ON, Port, ServerTls

_ANY = "*"


@dataclass(frozen=True, eq=False)
class GatewayServer:
    """A server.

    Attributes:
        resource: the Gateway.
        index: which of its servers.
        named: the port that clients use.
        port: that the proxy listens to: another one where a service translates it.
    """

    resource: Resource[Gateway]
    index: int
    named: Port
    port: int

    def __str__(self) -> str:
        return f"servers[{self.index}] of {self.resource.key}"

    @property
    def server(self) -> Server:
        """What the Gateway says."""
        return self.resource.spec.servers[self.index]

    @property
    def gateway(self) -> str:
        """The Gateway, as virtual services name it."""
        return f"{self.resource.namespace}/{self.resource.name}"

    @property
    def bind(self) -> str:
        """The address that it listens to; empty: any."""
        return "" if self.server.bind == UNSPECIFIED else self.server.bind

    @property
    def tls(self) -> ServerTls | None:
        """How TLS is spoken, or that plain text is redirected to it."""
        return self.server.tls

    @cached_property
    def protocol(self) -> Protocol:
        """What the port carries."""
        return parse_protocol(self.named.protocol)

    @property
    def is_plain(self) -> bool:
        """Whether there is no TLS."""
        return self.tls is None or self.protocol.is_http

    @property
    def ends_tls(self) -> bool:
        """Whether TLS ends here; else it is passed on, or there is none."""
        return self.tls is not None and not self.is_plain and self.tls.mode not in PASSED_ON

    @property
    def is_of_mesh(self) -> bool:
        """Whether only workloads of the mesh can call, with their identity."""
        return self.tls is not None and self.tls.mode == "ISTIO_MUTUAL"

    @property
    def reads_requests(self) -> bool:
        """Whether requests are routed; else connections are."""
        return self.protocol.is_http or (self.ends_tls and self.protocol is Protocol.HTTPS)

    @cached_property
    def table(self) -> str:
        """The route table; empty: requests are not read."""
        bind = f".{self.bind}" if self.bind else ""
        if not self.reads_requests:
            return ""
        if self.protocol.is_http:
            return f"http.{self.port}{bind}"
        owner = f"{self.resource.name}.{self.resource.namespace}"
        return f"https.{self.named.number}.{self.named.name}.{owner}{bind}"

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """`NAMESPACE/HOST`, or `HOST` for virtual services of any namespace; in lower case."""
        return tuple(dict.fromkeys(self._hosts()))

    def _hosts(self) -> Iterator[str]:
        for written in self.server.hosts:
            owner, slash, host = written.lower().rpartition("/")
            if not slash or owner == _ANY:
                yield host
            else:
                yield f"{self.resource.namespace if owner == '.' else owner}/{host}"

    @cached_property
    def claims(self) -> frozenset[str]:
        """What no other server of TLS may have at its address: names, of whichever namespace."""
        bare = (host if self.is_plain else host.rpartition("/")[2] for host in self.hosts)
        return frozenset(bare)

    @property
    def names(self) -> list[str]:
        """The names of TLS that the server is for; none: any."""
        return [] if _ANY in self.claims else sorted(self.claims)

    def hosts_in(self, namespace: str) -> list[str]:
        """The hosts that virtual services of a namespace may be for."""
        found = (host.rpartition("/") for host in self.hosts)
        return [host for owner, _, host in found if owner in ("", namespace)]


def common_hosts(one: list[str], other: list[str]) -> list[str]:
    """The hosts that both have: of two patterns, of which one has the other, the narrower.

    Source: pkg/config/host/names.go Intersection.
    """
    found: dict[str, None] = {}
    for mine in one:
        for theirs in other:
            if contains(theirs, mine):
                found[mine] = None
            elif contains(mine, theirs):
                found[theirs] = None
    return list(found)
