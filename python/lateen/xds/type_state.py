"""What a client keeps of one type on one stream, whichever variant of the protocol it speaks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lateen.xds.messages import ResponseRejectedError
from lateen.xds.subscription import Outcome, Resource, Update

if TYPE_CHECKING:
    from lateen.xds.messages import Received, Request, Response
    from lateen.xds.ttl import Expiries
    from lateen.xds.watches import Change, Watch, Watches

# google.rpc.Status.message is cut there, as in Envoy.
_LONGEST_ERROR = 4096


class Ack(NamedTuple):
    """What is to be said about an answer; `error` is None for an ACK."""

    nonce: str
    error: str | None


class TypeState(Protocol):
    """The client's side of one type on one stream."""

    watches: Watches
    expiries: Expiries

    def changed(self, change: Change) -> None:
        """Hears that other names are wanted than before."""

    def restart(self, *, same_server: bool) -> None:
        """A new stream begins; what the server knew of this client is gone.

        Args:
            same_server: False: versions mean nothing to the server at the other end.
        """

    def wants_to_send(self) -> bool:
        """Whether there is something to say that acknowledges nothing."""

    def request(self, ack: Ack | None) -> Request:
        """The next request."""

    def receive(self, response: Response, now: float) -> Ack:
        """Hands an answer to those who want it; what is to be said about it."""

    def expire(self, now: float) -> None:
        """Tells whose resources' time to live has passed."""


def resource_of(received: Received, version: str) -> Resource:
    """A resource as subscribers see it."""
    return Resource(received.name, version, received.type_url, received.body, received.aliases)


def check_bodies(watches: Watches, resources: Sequence[Received], version: str) -> None:
    """Asks those who want the resources of an answer whether any may be so at all: of an answer
    that has one that may not, nothing is taken. One that is alone is judged when it is taken.

    Args:
        watches: who wants which.
        resources: of the answer.
        version: of resources that have none of their own.

    Raises:
        ResponseRejectedError: one may not.
    """
    if len(resources) < 2:
        return
    for received in resources:
        for watch in watches.of(received.name, received.aliases):
            if watch.check is not None:
                reason = watch.check(resource_of(received, received.version or version))
                if reason:
                    raise ResponseRejectedError(cut(reason))


def expired(watches: Watches, names: Iterable[str]) -> None:
    """Tells subscribers that resources are gone."""
    lost: dict[Watch, dict[str, None]] = {}
    for name in names:
        for watch in watches.of(name):
            lost.setdefault(watch, {})[name] = None
    for watch, gone in lost.items():
        watch.deliver(Update((), tuple(gone), "", False))


def error_of(outcomes: Iterable[Outcome]) -> str | None:
    """The text of the NACK for what became of one answer; None when all of it was taken."""
    texts: dict[str, None] = {}
    for outcome in outcomes:
        if outcome.summary:
            texts[outcome.summary] = None
        else:
            texts.update(dict.fromkeys(f"{each.name}: {each.reason}" for each in outcome.bad))
    return cut(", ".join(texts)) if texts else None


def cut(error: str) -> str:
    """An error's text, no longer than a status message may be."""
    return error if len(error) <= _LONGEST_ERROR else f"{error[:_LONGEST_ERROR]}...(truncated)"
