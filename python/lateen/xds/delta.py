"""The client's side of incremental xDS: answers have what changed, requests what is wanted anew.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol (incremental xDS)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.xds.messages import DeltaRequest, Received, ResponseRejectedError
from lateen.xds.resource_types import VHDS
from lateen.xds.subscription import FetchFailure, Outcome, Update
from lateen.xds.ttl import Expiries
from lateen.xds.type_state import Ack, check_bodies, cut, error_of, expired, resource_of
from lateen.xds.watches import Watches

if TYPE_CHECKING:
    from lateen.xds.messages import Response
    from lateen.xds.watches import Change, Watch

_ALL = "*"


class DeltaState:
    """One type on one stream.

    Attributes:
        versions: of the resources that were accepted, by name.
    """

    def __init__(self, type_url: str) -> None:
        self.watches = Watches(namespaces=type_url == VHDS.type_url)
        self.expiries = Expiries()
        self.versions: dict[str, str] = {}
        self._type_url = type_url
        # Of this stream: whether anything was sent, and what the server was told to send.
        self._fresh = True
        self._told: set[str] = set()
        self._subscribe: dict[str, None] = {}
        self._unsubscribe: dict[str, None] = {}
        # Names with a second subscriber, which the server is to send again, and those of them that
        # it was not asked for yet: to be subscribed to again is what makes it do so.
        self._owed: dict[str, None] = {}
        self._again: dict[str, None] = {}
        # Somebody waits for what the server sends by itself: a request without names begins that.
        self._silent = False

    def changed(self, change: Change) -> None:
        """Keeps the difference for the next request.

        A name that left and came again before a request went out is subscribed to anew: its
        resource was dropped here, and the server would not send it again otherwise.
        """
        wildcard = bool(self.watches.wildcards)
        for name in change.removed:
            self._subscribe.pop(name, None)
            self._owed.pop(name, None)
            self._again.pop(name, None)
            if name in self._told:
                self._unsubscribe[name] = None
            if not wildcard:
                self._forget(name)
        for name in change.added:
            if self.watches.is_namespace(name):
                self._silent = self._fresh
                continue
            self._unsubscribe.pop(name, None)
            self._subscribe[name] = None
        for name in change.joined:
            if not self.watches.is_namespace(name):
                self._owed[name] = self._again[name] = None
        self._change_wildcard(wildcard)

    def _change_wildcard(self, wildcard: bool) -> None:
        if wildcard and _ALL not in self._told:
            self._subscribe[_ALL] = None
        elif not wildcard:
            self._subscribe.pop(_ALL, None)
            if _ALL in self._told and _ALL not in self._unsubscribe:
                self._unsubscribe[_ALL] = None
                for name in [name for name in self.versions if not self.watches.wants(name)]:
                    self._forget(name)
        if wildcard:
            self._unsubscribe.pop(_ALL, None)

    def _forget(self, name: str) -> None:
        self.versions.pop(name, None)
        self.expiries.renew(name, None)

    def restart(self, *, same_server: bool) -> None:
        """The new stream is told everything that is wanted, and what is here already."""
        self._fresh = True
        self._told.clear()
        self._unsubscribe.clear()
        self._again = dict(self._owed)
        names = self.watches.names
        self._subscribe = {each: None for each in names if not self.watches.is_namespace(each)}
        self._silent = len(self._subscribe) < len(names)
        if self.watches.wildcards:
            self._subscribe = {_ALL: None, **self._subscribe}
        if not same_server:
            self.versions.clear()

    def wants_to_send(self) -> bool:
        """Whether anything is to be subscribed to, or not any more."""
        return bool(self._subscribe or self._unsubscribe or self._again or self._silent)

    def request(self, ack: Ack | None) -> DeltaRequest:
        """The next request: what changed, and an acknowledgement if there is one to make."""
        first, self._fresh = self._fresh, False
        self._silent = False
        if not first:
            # The first request says what is here already, which asks for nothing again.
            self._subscribe.update(self._again)
            self._again.clear()
        subscribe, unsubscribe = tuple(self._subscribe), tuple(self._unsubscribe)
        self._told.update(subscribe)
        self._told.difference_update(unsubscribe)
        self._subscribe.clear()
        self._unsubscribe.clear()
        return DeltaRequest(
            self._type_url,
            # All and nothing else: the first request of a stream says so by naming nothing.
            () if first and subscribe == (_ALL,) else subscribe,
            unsubscribe,
            dict(self.versions) if first else {},
            ack.nonce if ack is not None else "",
            ack.error if ack is not None else None,
        )

    def receive(self, response: Response, now: float) -> Ack:
        """Hands changes to those who want them; what was not taken keeps its old version."""
        try:
            changed = self._check(response)
            check_bodies(self.watches, changed, response.version)
        except ResponseRejectedError as rejection:
            text = cut(str(rejection))
            for watch in self.watches:
                watch.fail(FetchFailure.REJECTED, text)
            return Ack(response.nonce, text)
        outcomes = self._deliver(changed, response)
        error = error_of(outcomes)
        bad = {each.name for outcome in outcomes for each in outcome.bad}
        if error is None or bad:
            self._keep(response, bad, now)
        return Ack(response.nonce, error)

    def expire(self, now: float) -> None:
        """Tells whose resources' time to live has passed."""
        names = self.expiries.take(now)
        for name in names:
            self.versions.pop(name, None)
        expired(self.watches, names)

    def _check(self, response: Response) -> list[Received]:
        """The resources that are neither heartbeats nor aliases of nothing.

        Raises:
            ResponseRejectedError: a name comes twice, or a resource is of another type.
        """
        seen: set[str] = set()
        found = []
        for received in response.resources:
            if received.name in seen:
                raise ResponseRejectedError(
                    f"duplicate name {received.name} found among added/updated resources"
                )
            seen.add(received.name)
            if received.body is None and (received.aliases or self._is_heartbeat(received)):
                continue
            if received.type_url != response.type_url:
                raise ResponseRejectedError(
                    f"type URL {received.type_url} embedded in an individual Any does not match "
                    f"the message-wide type URL {response.type_url} in DeltaDiscoveryResponse"
                )
            found.append(received)
        for name in response.removed:
            if name in seen:
                raise ResponseRejectedError(
                    f"duplicate name {name} found in the union of added+removed resources"
                )
            seen.add(name)
        return found

    def _is_heartbeat(self, received: Received) -> bool:
        return self.versions.get(received.name) == received.version

    def _deliver(self, changed: list[Received], response: Response) -> list[Outcome]:
        for name in (*(each.name for each in changed), *response.removed):
            self._owed.pop(name, None)
        shares: dict[Watch, dict[str, Received]] = {}
        removed: dict[Watch, dict[str, None]] = {}
        for received in changed:
            for watch in self.watches.of(received.name, received.aliases):
                shares.setdefault(watch, {})[received.name] = received
        for name in _gone(response):
            for watch in self.watches.of(name):
                removed.setdefault(watch, {})[name] = None
        if not response.resources and not response.removed:
            # "There is nothing" ends the wait of who wants all, or all below a name.
            shares.update((watch, {}) for watch in self.watches.collectors)
        outcomes = []
        for watch in dict.fromkeys((*shares, *removed)):
            bodies = tuple(
                resource_of(received, received.version)
                for received in shares.get(watch, {}).values()
            )
            gone = tuple(removed.get(watch, ()))
            outcomes.append(watch.deliver(Update(bodies, gone, response.version, False)))
        return outcomes

    def _keep(self, response: Response, bad: set[str], now: float) -> None:
        for received in response.resources:
            if received.name in bad or not self.watches.wants(received.name):
                continue
            if received.body is not None:
                self.versions[received.name] = received.version
            at = None if received.ttl_s is None else now + received.ttl_s
            self.expiries.renew(received.name, at)
        for name in response.removed:
            self._forget(name)


def _gone(response: Response) -> list[str]:
    """Names that stand for nothing: removed ones, and aliases that the server cannot resolve."""
    unresolved = [
        alias
        for received in response.resources
        if received.body is None
        for alias in received.aliases
    ]
    return [*response.removed, *unresolved]
