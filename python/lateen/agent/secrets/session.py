"""One stream of the proxy that asks for secrets. No I/O.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lateen.xds.messages import DeltaRequest, Received, Request, Response
from lateen.xds.resource_types import SDS


class Session:
    """One stream of the proxy: which secrets it wants, and what it was sent. No I/O.

    Args:
        delta: it is told what changed, not what there is.
    """

    def __init__(self, *, delta: bool) -> None:
        self._delta = delta
        self._wanted: set[str] = set()
        self._sent: dict[str, bytes] = {}
        self._count = 0

    @property
    def _nonce(self) -> str:
        return str(self._count)

    def on_request(self, request: Request, secrets: Mapping[str, bytes]) -> Response | None:
        """The answer to a request, if it wants one.

        A refusal is not answered: there is nothing better to be had until the secret changes.
        """
        if request.nonce and request.nonce != self._nonce:
            return None
        if isinstance(request, DeltaRequest):
            for name in request.unsubscribe:
                self._wanted.discard(name)
                self._sent.pop(name, None)
            # What is asked for again is sent again.
            for name in request.subscribe:
                self._sent.pop(name, None)
            self._wanted |= set(request.subscribe)
        elif self._wanted != set(request.names):
            self._wanted = set(request.names)
            self._sent.clear()
        return self.on_change(secrets)

    def on_change(self, secrets: Mapping[str, bytes]) -> Response | None:
        """What is to be sent of the secrets that there are now."""
        there = {name: secrets[name] for name in sorted(self._wanted) if name in secrets}
        new = {name: body for name, body in there.items() if self._sent.get(name) != body}
        if not new:
            return None
        self._count += 1
        self._sent.update(new)
        told = new if self._delta else there
        resources = [Received(name, SDS.type_url, body, self._nonce) for name, body in told.items()]
        return Response(SDS.type_url, self._nonce, self._nonce, resources)


def names_of(request: Request) -> Sequence[str]:
    """The secrets that a request asks for."""
    return request.subscribe if isinstance(request, DeltaRequest) else request.names
