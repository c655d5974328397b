"""One stream of a proxy, as the plane knows it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from lateen.control.model.proxy import Proxy
from lateen.control.push.scopes import ProxyScopes
from lateen.control.push.session import Session
from lateen.xds.messages import DeltaRequest, SotwRequest

Request = DeltaRequest | SotwRequest


def _nothing() -> None:
    """Nothing was held."""


@dataclass(eq=False)
class Connection:
    """One stream.

    Attributes:
        number: counts the streams of the process.
        proxy: who it is.
        scopes: in the mesh that is in force.
        peer: where it connects from.
        since: when it connected, in seconds since 1970.
        session: what it wants and has.
        requests: that came and were not looked at; None ends the stream.
        wake: is set when there is something to do.
        sent: the generation whose changes it was sent.
        taken: the last generation that it had in all when it had judged everything.
        held: by type and nonce, what gives back the share of answers that are on their way.
        changed_at: when the change came that it is to be sent, as the loop's clock tells; 0: none.
    """

    number: int
    proxy: Proxy
    scopes: ProxyScopes
    peer: str = ""
    since: float = field(default_factory=time.time)
    session: Session = field(default_factory=Session)
    requests: deque[Request | None] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    sent: int = 0
    taken: int = 0
    changed_at: float = 0.0
    held: dict[tuple[str, str], Callable[[], None]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Of the proxy's node and the stream, as Istio's debug pages write it."""
        return f"{self.name}-{self.number}"

    @property
    def name(self) -> str:
        """`NAME.NAMESPACE` of the proxy."""
        return f"{self.proxy.name}.{self.proxy.namespace}"

    def put(self, request: Request | None) -> None:
        """Hand a request over."""
        if request is not None and request.nonce:
            self.held.pop((request.type_url, request.nonce), _nothing)()
        self.requests.append(request)
        self.wake.set()

    def end(self) -> None:
        """Give back what is on its way no more."""
        while self.held:
            self.held.popitem()[1]()

    def settle(self) -> None:
        """Note which generation the proxy has."""
        if self.session.settled and self.session.wants_nothing_new:
            self.taken = max(self.taken, self.sent)
