"""Whatever happens on the way, a client ends with what its server has."""

import unittest

import hypothesis.strategies as st
import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lateen.xds.delta import DeltaState
from lateen.xds.messages import Received, Response
from lateen.xds.resource_types import CDS, EDS
from lateen.xds.sotw import SotwState
from lateen.xds.subscription import BadResource, Outcome
from tests.unit.xds.model import Harness

NAMES = ["a", "b", "c", "d"]
BAD = "bad"


class Client:
    """A subscriber that keeps resources and refuses the bad ones."""

    def __init__(self, names):
        self.names = names
        self.held = {}

    def take(self, update):
        bad = []
        if update.full:
            self.held = {
                name: body
                for name, body in self.held.items()
                if any(each.name == name for each in update.resources)
            }
        for each in update.resources:
            if each.body.startswith(BAD.encode()):
                bad.append(BadResource(each.name, "is bad"))
            else:
                self.held[each.name] = each.body
        for name in update.removed:
            self.held.pop(name, None)
        return Outcome(tuple(bad))

    def fail(self, failure, reason):
        pass

    def narrow(self, names):
        self.names = names
        self.held = {name: body for name, body in self.held.items() if name in names}


class Server:
    """Serves one type; `sent` holds answers that are still on their way."""

    def __init__(self, kind, wildcard):
        self.kind = kind
        self.wildcard = wildcard
        self.table = {}
        self.version = 0
        self.open()

    def open(self):
        self.sent = []
        self.nonces = 0
        self.asked = False
        self.wanted = set()
        self.known = {}

    def put(self, name, body):
        self.version += 1
        self.table[name] = (str(self.version), body)
        self.push()

    def remove(self, name):
        if self.table.pop(name, None) is not None:
            self.version += 1
            self.push()

    def wants(self, name):
        return self.wildcard or name in self.wanted

    def answer(self, resources, removed=()):
        self.nonces += 1
        self.sent.append(
            Response(
                self.kind.type_url,
                str(self.version),
                str(self.nonces),
                [Received(n, self.kind.type_url, b, v) for n, (v, b) in resources.items()],
                removed,
            )
        )


class SotwServer(Server):
    def push(self):
        if self.asked:
            self.answer({name: each for name, each in self.table.items() if self.wants(name)})

    def hear(self, request):
        names = set(request.names)
        if request.nonce and request.nonce != str(self.nonces):
            # It is about an answer before the last; what it asks for counts all the same.
            changed = names != self.wanted
        else:
            changed = names != self.wanted or not self.asked
        again = not self.asked and request.version == str(self.version)
        self.asked, self.wanted = True, names
        if changed and not (again and self.wildcard):
            self.push()


class DeltaServer(Server):
    def push(self, *, anyway=False):
        if not self.asked:
            return
        changed = {
            name: each
            for name, each in self.table.items()
            if self.wants(name) and self.known.get(name) != each[0]
        }
        removed = [name for name in self.known if name not in self.table]
        if changed or removed or anyway:
            for name, (version, _) in changed.items():
                self.known[name] = version
            for name in removed:
                del self.known[name]
            self.answer(changed, removed)

    def hear(self, request):
        if not self.asked:
            self.asked = True
            self.known = dict(request.initial_versions)
            self.wildcard = self.wildcard and not request.subscribe
        for name in request.unsubscribe:
            self.wanted.discard(name)
            self.known.pop(name, None)
        for name in request.subscribe:
            self.wanted.add(name)
            if name not in request.initial_versions:
                self.known.pop(name, None)
        if request.subscribe or not request.nonce:
            self.push()


class Convergence(RuleBasedStateMachine):
    """One client and one server with a wire between them that loses its streams."""

    make_state = None
    make_server = None

    @initialize(wildcard=st.booleans())
    def begin(self, wildcard):
        kind = CDS if wildcard else EDS
        self.wildcard = wildcard
        self.harness = Harness(self.make_state)
        self.server = self.make_server(kind, wildcard)
        self.clients = [Client(None if wildcard else ["a", "b"])]
        if not wildcard:
            self.clients.append(Client(["b", "c"]))
        self.watches = [self.harness.watch(kind, client.names, client) for client in self.clients]
        self.on_wire = []
        self.connected = False
        self.connect()

    @rule(name=st.sampled_from(NAMES), body=st.sampled_from([b"1", b"2", b"3", BAD.encode()]))
    def put(self, name, body):
        self.server.put(name, body)

    @rule(name=st.sampled_from(NAMES))
    def remove(self, name):
        self.server.remove(name)

    @precondition(lambda self: not self.connected)
    @rule()
    def connect(self):
        self.connected = True
        self.server.open()
        self.harness.mux.opened()

    @precondition(lambda self: self.connected)
    @rule(again=st.booleans())
    def lose(self, again):
        self.connected = False
        self.on_wire.clear()
        self.server.open()
        self.harness.mux.closed("lost")
        if again:
            self.connect()

    @precondition(lambda self: self.connected)
    @rule(moves=st.lists(st.sampled_from(["say", "hear", "take"]), max_size=8))
    def exchange(self, moves):
        for move in moves:
            if move == "say" and (request := self.harness.mux.pull()) is not None:
                self.on_wire.append(request)
            elif move == "hear" and self.on_wire:
                self.server.hear(self.on_wire.pop(0))
            elif move == "take" and self.server.sent:
                self.harness.mux.receive(self.server.sent.pop(0))

    @rule(which=st.integers(0, 1), names=st.sets(st.sampled_from(NAMES)))
    def change_names(self, which, names):
        if not self.wildcard:
            self.clients[which].narrow(sorted(names))
            self.harness.mux.change(self.watches[which], sorted(names))

    @invariant()
    def bad_is_never_held(self):
        for client in getattr(self, "clients", []):
            assert not any(body.startswith(BAD.encode()) for body in client.held.values())

    def teardown(self):
        if not hasattr(self, "server"):
            return
        if not self.connected:
            self.connect()
        self.settle()
        for name, (_, body) in list(self.server.table.items()):
            if body.startswith(BAD.encode()):
                self.server.put(name, b"mended")
        self.settle()
        self.check()

    def settle(self):
        for _ in range(200):
            requests = self.harness.sent()
            self.on_wire += requests
            while self.on_wire:
                self.server.hear(self.on_wire.pop(0))
            if not self.server.sent:
                return
            while self.server.sent:
                self.harness.mux.receive(self.server.sent.pop(0))
        raise AssertionError("client and server never come to rest")

    def check(self):
        for client in self.clients:
            expected = {
                name: body
                for name, (_, body) in self.server.table.items()
                if client.names is None or name in client.names
            }
            assert self.relevant(client.held, expected) == expected

    def relevant(self, held, expected):
        return held


class SotwConvergence(Convergence):
    make_state = SotwState
    make_server = SotwServer

    def relevant(self, held, expected):
        # An answer that lacks a name removes nothing, but for clusters and listeners.
        return held if self.wildcard else {n: b for n, b in held.items() if n in expected}


class DeltaConvergence(Convergence):
    make_state = DeltaState
    make_server = DeltaServer


@pytest.mark.parametrize("machine", [SotwConvergence, DeltaConvergence])
def test_client_and_server_agree_in_the_end(machine):
    case = machine.TestCase
    case.settings = settings(
        max_examples=150,
        stateful_step_count=30,
        deadline=None,
        # Shrinking takes minutes, and the shortest failure is no clearer.
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
    )
    result = unittest.TestResult()
    case("runTest").run(result)
    assert result.testsRun == 1
    assert result.wasSuccessful(), result.errors + result.failures
