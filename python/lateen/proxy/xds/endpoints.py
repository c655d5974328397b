"""The servers behind a cluster of the bootstrap, as the main thread dials them itself.

The workers' balancing, health checks and circuit breakers do not take part.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from lateen.proxy.compile.address import is_ip
from lateen.proxy.xds.target import TargetError

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3.address_pb2 import Address

# A host and a port, to another: what `--resolve` says.
Resolve = Callable[[str, int], tuple[str, int]]


class Endpoint(NamedTuple):
    """A server: a host and a port, or the path of a unix socket (`@` in front: an abstract one)."""

    host: str
    port: int
    pipe: str = ""

    @property
    def grpc_address(self) -> str:
        """As gRPC writes it."""
        if self.pipe.startswith("@"):
            return f"unix-abstract:{self.pipe[1:]}"
        if self.pipe:
            return f"unix:{quote(self.pipe)}"
        if not is_ip(self.host):
            return f"dns:///{self.host}:{self.port}"
        if ":" in self.host:
            return f"ipv6:[{self.host}]:{self.port}"
        return f"ipv4:{self.host}:{self.port}"


class Endpoints:
    """The endpoints of a cluster, one after the other, from any of them on.

    Raises:
        TargetError: the bootstrap names none.
    """

    def __init__(self, cluster: Cluster, chance: random.Random, resolve: Resolve | None) -> None:
        self._all = [
            _endpoint(each.endpoint.address, resolve)
            for locality in sorted(cluster.load_assignment.endpoints, key=lambda one: one.priority)
            for each in locality.lb_endpoints
        ]
        if not self._all:
            raise TargetError(
                f"cluster '{cluster.name}' has no endpoints in the bootstrap: a control plane is "
                "reached through a STATIC, STRICT_DNS or LOGICAL_DNS cluster"
            )
        self._next = chance.randrange(len(self._all))

    def next(self) -> Endpoint:
        """The one whose turn it is."""
        found = self._all[self._next % len(self._all)]
        self._next += 1
        return found


def _endpoint(address: Address, resolve: Resolve | None) -> Endpoint:
    if address.HasField("pipe"):
        return Endpoint("", 0, address.pipe.path)
    host, port = address.socket_address.address, address.socket_address.port_value
    return Endpoint(*(resolve(host, port) if resolve is not None else (host, port)))
