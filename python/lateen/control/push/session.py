"""One proxy's stream: what it wants, what it has, what it refused. No I/O.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lateen.control.push.generated import Blob, Scoped
from lateen.xds.messages import DeltaRequest, Received, Response, SotwRequest
from lateen.xds.resource_types import CDS, EDS, LDS, NDS_TYPE_URL, RDS, SDS

ALL = "*"
# What others depend on goes first.
ORDER = (
    *(CDS.type_url, EDS.type_url, LDS.type_url, RDS.type_url, SDS.type_url),
    NDS_TYPE_URL,
)
_WITHOUT_NAMES = frozenset((CDS.type_url, LDS.type_url, NDS_TYPE_URL))


@dataclass
class Watch:
    """What a proxy wants of one type.

    Attributes:
        names: that it asked for.
        everything: it wants whatever there is.
        has: versions that it was sent, by name.
        nonce: of the last answer.
        acknowledged: of the last answer that it took.
        refused: why it refused the last answer; empty: it did not.
        delta: answers tell what changed.
    """

    names: set[str] = field(default_factory=set)
    everything: bool = False
    has: dict[str, str] = field(default_factory=dict)
    nonce: str = ""
    acknowledged: str = ""
    refused: str = ""
    delta: bool = True


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
    _sent: int = 0

    def on_delta(self, request: DeltaRequest) -> bool:
        """Take a request in; returns whether something is to be answered."""
        first = request.type_url not in self.watches
        watch = self.watches.setdefault(request.type_url, Watch())
        if not self._judge(watch, request.nonce, request.error):
            return False
        if first:
            watch.has.update(request.initial_versions)
            watch.everything = request.type_url in _WITHOUT_NAMES and not request.subscribe
        named = set(request.subscribe) - {ALL}
        watch.everything = watch.everything or ALL in request.subscribe
        for name in request.unsubscribe:
            watch.names.discard(name)
            watch.has.pop(name, None)
        if ALL in request.unsubscribe:
            watch.everything = False
        # What is asked for again is sent again.
        for name in named & watch.names:
            watch.has.pop(name, None)
        watch.names |= named
        return first or bool(request.subscribe)

    def on_sotw(self, request: SotwRequest) -> bool:
        """Take a request in; returns whether something is to be answered."""
        first = request.type_url not in self.watches
        watch = self.watches.setdefault(request.type_url, Watch(delta=False))
        if not self._judge(watch, request.nonce, request.error):
            return False
        names = set(request.names) - {ALL}
        everything = ALL in request.names or (
            not request.names and request.type_url in _WITHOUT_NAMES
        )
        changed = names != watch.names or everything != watch.everything
        watch.names, watch.everything = names, everything
        return first or changed

    def _judge(self, watch: Watch, nonce: str, error: str | None) -> bool:
        """Note what an answer came to; False: the request is about one that is not the last."""
        if nonce and nonce != watch.nonce:
            self.stale += 1
            return False
        if error is not None:
            watch.refused = error
            self.refusals += 1
        elif nonce:
            watch.refused = ""
            watch.acknowledged = nonce
        return True

    def push(self, scoped: Scoped, types: Iterable[str] = ORDER) -> list[Response]:
        """What is to be sent, in order, so that the proxy has what there is now."""
        found = []
        for type_url in ORDER:
            watch = self.watches.get(type_url)
            if watch is not None and type_url in types:
                answer = self._answer(type_url, watch, scoped)
                found += [answer] if answer is not None else []
        return found

    def answer_to(self, type_url: str, scoped: Scoped) -> Response | None:
        """The answer to a request that wants one, also when there is nothing to tell."""
        watch = self.watches[type_url]
        found = self._answer(type_url, watch, scoped)
        if found is None and not watch.nonce:
            return self._response(type_url, watch, {}, [])
        return found

    def _answer(self, type_url: str, watch: Watch, scoped: Scoped) -> Response | None:
        there = self._wanted(type_url, watch, scoped)
        changed = {name: one for name, one in there.items() if watch.has.get(name) != one.version}
        gone = [name for name in watch.has if name not in there]
        if not changed and not gone:
            return None
        watch.has = {name: one.version for name, one in there.items()}
        if type_url == CDS.type_url and (endpoints := self.watches.get(EDS.type_url)):
            # A proxy warms a changed cluster until it is told the endpoints, without asking again.
            for name in changed:
                endpoints.has.pop(name, None)
        return self._response(type_url, watch, changed if watch.delta else there, gone)

    def _wanted(self, type_url: str, watch: Watch, scoped: Scoped) -> Mapping[str, Blob]:
        there = dict(scoped.all_of(type_url)) if watch.everything else {}
        for name in sorted(watch.names):
            found = scoped.named(type_url, name)
            if found is not None:
                there[name] = found
        return there

    def _response(
        self, type_url: str, watch: Watch, sent: Mapping[str, Blob], gone: list[str]
    ) -> Response:
        self._sent += 1
        watch.nonce = f"{self._sent}"
        resources = [Received(name, type_url, one.body, one.version) for name, one in sent.items()]
        removed = sorted(gone) if watch.delta else ()
        return Response(type_url, watch.nonce, watch.nonce, resources, removed)
