"""The client's side of state of the world: each answer has everything, each request all names.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.xds.messages import Received, ResponseRejectedError, SotwRequest
from lateen.xds.resource_types import resource_type
from lateen.xds.subscription import FetchFailure, Outcome, Update
from lateen.xds.ttl import Expiries
from lateen.xds.type_state import Ack, check_bodies, error_of, expired, resource_of
from lateen.xds.watches import Watches

if TYPE_CHECKING:
    from lateen.xds.messages import Response
    from lateen.xds.watches import Change, Watch

# A wildcard beside names has to be said; alone it is an empty list.
_ALL = "*"


class SotwState:
    """One type on one stream.

    Attributes:
        version: the last that was accepted.
    """

    def __init__(self, type_url: str) -> None:
        kind = resource_type(type_url)
        self.watches = Watches()
        self.expiries = Expiries()
        self.version = ""
        self._type_url = type_url
        self._whole = kind is not None and kind.whole
        self._nonce = ""
        self._to_say = False
        # Names of the last request of this stream, and those to leave out of the next one, so that
        # the server sends their resources again.
        self._told: frozenset[str] = frozenset()
        self._again: set[str] = set()

    def changed(self, change: Change) -> None:
        """Every change is said.

        When the last one who wanted all goes, nothing is said: no names would mean all. A name
        that the server was told of before is taken back and asked for anew, for a subscriber that
        has not seen its resource: the same names again would be no reason to answer.
        """
        self._to_say = bool(self.watches) or bool(change.removed)
        self._again.difference_update(change.removed)
        self._again.update(name for name in change.joined if name in self._told)
        self._again.update(name for name in change.added if name in self._told)

    def restart(self, *, same_server: bool) -> None:
        """The new stream has no nonce yet; the version stays if the server is the same."""
        self._nonce = ""
        self._told = frozenset()
        self._again.clear()
        self._to_say = len(self.watches) > 0
        if not same_server:
            self.version = ""

    def wants_to_send(self) -> bool:
        """Whether names changed."""
        return self._to_say

    def request(self, ack: Ack | None) -> SotwRequest:
        """The next request: it acknowledges the last answer, whatever it is sent for."""
        names = tuple(name for name in self.watches.names if name not in self._again)
        self._told = frozenset(names)
        self._to_say = bool(self._again)
        self._again.clear()
        if names and self.watches.wildcards:
            names = (_ALL, *(name for name in names if name != _ALL))
        error = ack.error if ack is not None else None
        return SotwRequest(self._type_url, self.version, names, self._nonce, error)

    def receive(self, response: Response, now: float) -> Ack:
        """Hands an answer to those who want something of it.

        A subscriber to names hears nothing when the answer has none of them, except of clusters
        and listeners, which are gone then.
        """
        self._nonce = response.nonce
        if not self.watches:
            # Nobody is there to judge resources: they are not accepted, and not called bad.
            if not response.resources:
                self.version = response.version
            return Ack(response.nonce, None)
        try:
            resources = self._checked(response)
            check_bodies(self.watches, resources, response.version)
        except ResponseRejectedError as rejection:
            for watch in self.watches:
                watch.fail(FetchFailure.REJECTED, str(rejection))
            return Ack(response.nonce, str(rejection))
        self._renew(response, now)
        if response.resources and all(each.body is None for each in response.resources):
            return Ack(response.nonce, None)  # heartbeats say nothing of what else there is
        error = error_of(self._deliver(resources, response.version))
        if error is None:
            self.version = response.version
        return Ack(response.nonce, error)

    def expire(self, now: float) -> None:
        """Tells whose resources' time to live has passed."""
        expired(self.watches, self.expiries.take(now))

    def _checked(self, response: Response) -> list[Received]:
        """The resources of an answer, heartbeats among them.

        Raises:
            ResponseRejectedError: a resource is of another type, or has no name.
        """
        found = []
        for received in response.resources:
            if received.body is None and response.version != self.version:
                raise ResponseRejectedError(f"{received.name}: resource without a body")
            if received.body is not None and received.type_url != response.type_url:
                raise ResponseRejectedError(
                    f"{received.type_url} does not match the message-wide type URL "
                    f"{response.type_url} in DiscoveryResponse"
                )
            if not received.name and not self.watches.wildcards:
                raise ResponseRejectedError(
                    f"a resource of {response.type_url} has no name, or is no such message"
                )
            found.append(received)
        return found

    def _renew(self, response: Response, now: float) -> None:
        for received in response.resources:
            at = None if received.ttl_s is None else now + received.ttl_s
            self.expiries.renew(received.name, at)

    def _deliver(self, resources: list[Received], version: str) -> list[Outcome]:
        shares: dict[Watch, dict[str, Received]] = {}
        for received in resources:
            for watch in self.watches.of(received.name, received.aliases):
                if watch.names is not None and (received.body is not None or self._whole):
                    shares.setdefault(watch, {}).setdefault(received.name, received)
        outcomes = []
        for watch in self.watches:
            if watch.names is None:
                # Also what comes twice: it is for the subscriber to judge.
                share = resources
            elif self._whole or watch in shares:
                share = list(shares.get(watch, {}).values())
            else:
                continue
            full = watch.names is None or self._whole
            bodies = tuple(resource_of(received, version) for received in share)
            outcomes.append(watch.deliver(Update(bodies, (), version, full)))
        return outcomes
