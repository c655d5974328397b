"""Many proxies that acknowledge whatever they are sent, in one thread."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench.control.http2 import Stream
from bench.control.manifests import ENDPOINTS, PORT, Service
from bench.errors import BenchError
from lateen.protos import envoy_types
from lateen.xds.codec import decode_delta, encode_request
from lateen.xds.messages import DeltaRequest, Response
from lateen.xds.resource_types import CDS, EDS, LDS, RDS, ads_path

#: What is asked for once a type has come: the order in which Envoy asks.
_NEXT = {CDS.type_url: EDS, EDS.type_url: LDS, LDS.type_url: RDS}
_SHORT = {one.type_url: one.short for one in (CDS, EDS, LDS, RDS)}


@dataclass(frozen=True)
class Push:
    """What a proxy was sent.

    Attributes:
        at: when all of it had come, as `time.monotonic` tells.
        short: of the type, such as `eds`.
        names: of the resources.
        size: in bytes.
    """

    at: float
    short: str
    names: tuple[str, ...]
    size: int


@dataclass
class Proxy:
    """A proxy of one workload, as a client of the control plane."""

    node: bytes
    stream: Stream
    pushes: list[Push] = field(default_factory=list)
    synced: bool = False
    _clusters: set[str] = field(default_factory=set)
    _asked: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Ask for clusters, which everything else follows."""
        self._ask(DeltaRequest(CDS.type_url), self.node)

    def take(self, message: bytes) -> None:
        """Acknowledge a push and ask for what follows from it."""
        response = decode_delta(message)
        names = tuple(one.name for one in response.resources)
        self.pushes.append(Push(time.monotonic(), _SHORT[response.type_url], names, len(message)))
        self._ask(DeltaRequest(response.type_url, nonce=response.nonce))
        if response.type_url == CDS.type_url:
            self._subscribe(response)
        following = _NEXT.get(response.type_url)
        if following is None:
            self.synced = True
        elif following.type_url not in self._asked:
            names = (str(PORT),) if following is RDS else ()
            self._ask(DeltaRequest(following.type_url, subscribe=names))

    def _subscribe(self, response: Response) -> None:
        """Endpoints of the clusters that are new."""
        there = {one.name for one in response.resources if one.name.startswith("outbound|")}
        new = tuple(there - self._clusters)
        self._clusters |= there
        if new:
            self._ask(DeltaRequest(EDS.type_url, subscribe=new))

    def _ask(self, request: DeltaRequest, node: bytes | None = None) -> None:
        self._asked.add(request.type_url)
        self.stream.send(encode_request(request, node))


class Fleet:
    """The proxies of a mesh: one after the other an endpoint of the services."""

    def __init__(self, port: int, proxies: int, services: int) -> None:
        self._selector = selectors.DefaultSelector()
        self.proxies = []
        for number in range(proxies):
            service, endpoint = Service(number % services), number // services
            proxy = Proxy(_node(service, endpoint), Stream(port, ads_path(delta=True)))
            self._selector.register(proxy.stream.socket, selectors.EVENT_READ, proxy)
            self.proxies.append(proxy)
            proxy.begin()

    def close(self) -> None:
        """End all connections."""
        for proxy in self.proxies:
            proxy.stream.close()
        self._selector.close()

    def forget(self) -> None:
        """Drop what is noted of earlier pushes."""
        for proxy in self.proxies:
            proxy.pushes.clear()

    def until(self, done: Callable[[Proxy], bool], seconds: float) -> None:
        """Take pushes until `done` of every proxy.

        Raises:
            BenchError: the time is over, or the control plane ends a stream.
        """
        deadline = time.monotonic() + seconds
        left = {id(proxy) for proxy in self.proxies if not done(proxy)}
        while left:
            if time.monotonic() > deadline:
                raise BenchError(f"{len(left)} proxies had nothing after {seconds:.0f} s")
            for proxy in self._turn(0.1):
                if id(proxy) in left and done(proxy):
                    left.discard(id(proxy))

    def rest(self, seconds: float) -> None:
        """Take pushes for a while."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._turn(left)

    def _turn(self, seconds: float) -> list[Proxy]:
        taken = []
        for key, _ in self._selector.select(seconds):
            proxy: Proxy = key.data
            for message in proxy.stream.read():
                proxy.take(message)
                taken.append(proxy)
            wanted = selectors.EVENT_READ | selectors.EVENT_WRITE * proxy.stream.flush()
            if key.events != wanted:
                self._selector.modify(key.fileobj, wanted, proxy)
        return taken


def _node(service: Service, endpoint: int) -> bytes:
    address = service.address(1 + endpoint % (ENDPOINTS - 1))
    name, namespace = f"{service.name}-{endpoint}", service.namespace
    node = envoy_types().message_class("envoy.config.core.v3.Node")()
    fields: Mapping[str, str] = {
        "id": f"sidecar~{address}~{name}.{namespace}~{namespace}.svc.cluster.local",
        "cluster": service.name,
    }
    for attribute, value in fields.items():
        setattr(node, attribute, value)
    return bytes(node.SerializeToString())
