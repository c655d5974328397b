"""One proxy's stream: what it wants, what it has, what it refused. No I/O.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from lateen.control.push.blob import Blob
from lateen.control.push.generated import Scoped
from lateen.control.push.parts import Names
from lateen.control.push.watch import ALL, Push, Watch
from lateen.xds.messages import DeltaRequest, SotwRequest
from lateen.xds.resource_types import CDS, ECDS, EDS, LDS, NDS_TYPE_URL, RDS, SDS

# What others depend on goes first.
ORDER = (*(one.type_url for one in (CDS, EDS, LDS, RDS, SDS, ECDS)), NDS_TYPE_URL)
_WITHOUT_NAMES = frozenset((CDS.type_url, LDS.type_url, NDS_TYPE_URL))


@dataclass
class Session:
    """All that one stream wants.

    Attributes:
        watches: by type.
        refusals: how many answers were refused.
        stale: how many requests were about an answer that is not the last.
    """

    watches: dict[str, Watch] = field(default_factory=dict)
    refusals: int = 0
    stale: int = 0

    @property
    def settled(self) -> bool:
        """Whether all that was sent was taken, or refused."""
        return all(watch.settled for watch in self.watches.values())

    @property
    def wants_nothing_new(self) -> bool:
        """Whether nothing that it wants may have changed."""
        return all(watch.pending == set() for watch in self.watches.values())

    def mark(self, changed: Names | None) -> None:
        """Note what may have changed; None: anything."""
        for type_url, watch in self.watches.items():
            if changed is None:
                watch.pending = None
            elif watch.pending is not None:
                names = changed.get(type_url, frozenset())
                wanted = names if watch.everything else watch.names & names
                watch.pending |= wanted

    def on_delta(self, request: DeltaRequest) -> bool:
        """Take a request in; returns whether something is to be answered."""
        first = request.type_url not in self.watches
        watch = self.watches.setdefault(request.type_url, Watch(delta=True))
        # The nonce of a first request is of another stream, which has ended.
        if not self._judge(watch, "" if first else request.nonce, request.error):
            return False
        if first:
            watch.has.update(request.initial_versions)
            watch.everything = request.type_url in _WITHOUT_NAMES and not request.subscribe
        named = set(request.subscribe) - {ALL}
        for name in request.unsubscribe:
            watch.names.discard(name)
            if not watch.everything:
                watch.has.pop(name, None)
        if ALL in request.unsubscribe:
            self._narrow(watch)
        # What is asked for again is sent again.
        for name in named & watch.names:
            watch.has.pop(name, None)
        watch.names |= named
        if ALL in request.subscribe and not watch.everything:
            watch.everything, watch.pending = True, None
        elif watch.pending is not None:
            watch.pending |= named
        return first or bool(request.subscribe)

    def _narrow(self, watch: Watch) -> None:
        """What was only wanted because everything was is not wanted any more."""
        watch.everything = False
        watch.has = {name: one for name, one in watch.has.items() if name in watch.names}

    def on_sotw(self, request: SotwRequest) -> bool:
        """Take a request in; returns whether something is to be answered."""
        first = request.type_url not in self.watches
        watch = self.watches.setdefault(request.type_url, Watch(delta=False))
        # The nonce of a first request is of another stream, which has ended.
        if not self._judge(watch, "" if first else request.nonce, request.error):
            return False
        names = set(request.names) - {ALL}
        everything = ALL in request.names or (
            not request.names and request.type_url in _WITHOUT_NAMES
        )
        changed = names != watch.names or everything != watch.everything
        for name in watch.names - names:
            watch.has.pop(name, None)
        watch.names, watch.everything = names, everything
        if changed:
            watch.pending = None
        return first or changed

    def _judge(self, watch: Watch, nonce: str, error: str | None) -> bool:
        """Note what an answer came to; False: the request is about one that is not the last."""
        if nonce and nonce != watch.nonce:
            self.stale += 1
            return False
        if error is not None:
            self.refusals += 1
        if nonce or error is not None:
            watch.judge(nonce, error)
        return True

    def order(self) -> list[str]:
        """The types that are wanted, those first that others depend on."""
        others = sorted(self.watches.keys() - set(ORDER))
        return [one for one in (*ORDER, *others) if one in self.watches]

    def answer_to(self, type_url: str, scoped: Scoped, version: str = "") -> Push | None:
        """What is to be sent of a type; the first answer also when there is nothing to tell.

        Args:
            version: of what there is.
        """
        watch = self.watches[type_url]
        found = self._answer(type_url, watch, scoped, version)
        if found is None and not watch.nonce:
            return self._send(type_url, watch, version, (), ())
        return found

    def _answer(self, type_url: str, watch: Watch, scoped: Scoped, version: str) -> Push | None:
        whole = not watch.delta and type_url in _WITHOUT_NAMES
        there = dict(_wanted(type_url, watch, scoped, every=whole or watch.pending is None))
        asked = {*there, *watch.has} if watch.pending is None else watch.pending
        watch.pending = set()
        changed = [one for name, one in there.items() if name in asked and watch.lacks(one)]
        gone = sorted(one for one in asked if one not in there and one in watch.has)
        watch.has.update((one.name, one.version) for one in changed)
        for name in gone:
            del watch.has[name]
            watch.refused.pop(name, None)
        if not changed and not gone:
            return None
        if type_url == CDS.type_url:
            self._send_endpoints_again(one.name for one in changed)
        resources = tuple(there.values()) if whole else changed
        return self._send(type_url, watch, version, resources, gone if watch.delta else ())

    def _send_endpoints_again(self, clusters: Iterable[str]) -> None:
        """A proxy warms a changed cluster until it is told the endpoints, without asking again."""
        endpoints = self.watches.get(EDS.type_url)
        if endpoints is None:
            return
        for name in clusters:
            endpoints.has.pop(name, None)
            if endpoints.pending is not None and name in endpoints.names:
                endpoints.pending.add(name)

    def _send(
        self,
        type_url: str,
        watch: Watch,
        version: str,
        resources: Sequence[Blob],
        removed: Sequence[str],
    ) -> Push:
        # Proxies that are sent the same have the same nonce, so that bytes are shared.
        again = watch.again + 1 if watch.version == version else 0
        watch.again = again
        push = Push(type_url, version, f"{version}#{again}", resources, removed, watch.delta)
        watch.sent(push)
        return push


def _wanted(
    type_url: str, watch: Watch, scoped: Scoped, *, every: bool
) -> Iterator[tuple[str, Blob]]:
    """What there is of that which is wanted, or of that which may have changed."""
    if every and watch.everything:
        yield from scoped.all_of(type_url).items()
    names: Iterable[str] = watch.names if every else watch.pending or ()
    for name in sorted(names):
        if watch.everything or name in watch.names:
            found = scoped.named(type_url, name)
            if found is not None:
                yield name, found
