"""Subscribers and servers without sockets."""

from dataclasses import dataclass, field

from lateen.xds.messages import Received, Response
from lateen.xds.mux import Mux, Pauses
from lateen.xds.resource_types import CDS, EDS, LDS, RDS
from lateen.xds.subscription import Outcome

SHORT = {each.type_url: each.short for each in (CDS, EDS, LDS, RDS)}


@dataclass
class Recorder:
    """A subscriber that keeps what it hears; `answer` is what it says of the next updates."""

    updates: list = field(default_factory=list)
    failures: list = field(default_factory=list)
    answer: Outcome = field(default_factory=Outcome)
    on_update: object = None

    def take(self, update):
        self.updates.append(update)
        if self.on_update is not None:
            self.on_update(update)
        return self.answer

    def fail(self, failure, reason):
        self.failures.append((failure.name, reason))

    @property
    def last(self):
        """Names, removed names and `full` of the last update."""
        update = self.updates[-1]
        return sorted(each.name for each in update.resources), sorted(update.removed), update.full


class Harness:
    """A mux whose stream is a list."""

    def __init__(self, make_state):
        self.now = 0.0
        self.woken = 0
        self.warnings = []
        self.pauses = Pauses()
        self.mux = Mux(make_state, self.pauses, self._wake, self.warnings.append, lambda: self.now)

    def _wake(self):
        self.woken += 1

    def watch(self, kind, names, recorder):
        return self.mux.watch(kind.type_url, names, recorder.take, recorder.fail)

    def sent(self):
        """Everything that can be sent now."""
        found = []
        while (request := self.mux.pull()) is not None:
            found.append(request)
        return found

    def said(self):
        """The same in words."""
        return [describe(request) for request in self.sent()]


def describe(request):
    """`cds v1 n1 a b`: type, version, nonce and names; `!` and the text for a NACK."""
    words = [SHORT[request.type_url]]
    if hasattr(request, "names"):
        words += [request.version, request.nonce, *request.names]
    else:
        words += [request.nonce, *(f"+{name}" for name in request.subscribe)]
        words += [f"-{name}" for name in request.unsubscribe]
        words += [f"{name}={version}" for name, version in request.initial_versions.items()]
    if request.error is not None:
        words.append(f"!{request.error}")
    return " ".join(filter(None, words))


def resource(kind, name, version="1", **given):
    """A resource in an answer."""
    return Received(
        name, kind.type_url, b"\n" + bytes([len(name)]) + name.encode(), version, **given
    )


def answer(kind, version, nonce, *names, removed=()):
    """A response with resources of these names."""
    resources = [
        each if isinstance(each, Received) else resource(kind, each, version) for each in names
    ]
    return Response(kind.type_url, version, nonce, resources, removed)
