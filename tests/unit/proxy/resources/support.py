"""A control plane without a network, and workers that take everything or say why not."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, field

from lateen.config import load_bootstrap
from lateen.protos import worker_pb2
from lateen.proxy.compile import compile_bootstrap
from lateen.proxy.config_summary import summarize
from lateen.proxy.options import Options
from lateen.proxy.resources.dynamic import Dynamic, DynamicParts
from lateen.proxy.runtime import RuntimeLayer, RuntimeLayers
from lateen.proxy.stats.histograms import Histograms
from lateen.proxy.stats.main_thread import MainThreadStats
from lateen.proxy.workers import Workers
from lateen.xds.subscription import FetchFailure, Resource, Update
from tests.support.xds_resources import CDS, LDS, SRDS, resource

BOOTSTRAP = """
node: {id: "n", cluster: c}
dynamic_resources:
  ads_config:
    api_type: GRPC
    transport_api_version: V3
    grpc_services: [{envoy_grpc: {cluster_name: xds}}]
  cds_config: {ads: {}, resource_api_version: V3}
  lds_config: {ads: {}, resource_api_version: V3}
static_resources:
  clusters:
  - {name: xds, type: STATIC}
"""


@dataclass
class FakeSubscription:
    source: object
    type_url: str
    names: object
    subscriber: object
    prefix: str
    closed: bool = False

    def set_names(self, names):
        self.names = names

    def close(self):
        self.closed = True


@dataclass
class FakeSubscriptions:
    """Remembers what is subscribed to; `send` answers it."""

    all: list = field(default_factory=list)
    pauses: Counter = field(default_factory=Counter)
    trace: list = field(default_factory=list)

    def subscribe(self, source, type_url, names, subscriber, stats_prefix):
        made = FakeSubscription(source, type_url, names, subscriber, stats_prefix)
        self.all.append(made)
        self.trace.append((type_url.rpartition(".")[2], names))
        return made

    @contextlib.contextmanager
    def paused(self, type_url):
        self.pauses[type_url] += 1
        try:
            yield
        finally:
            self.pauses[type_url] -= 1

    def open(self, type_url, name=None):
        return [
            each
            for each in self.all
            if each.type_url == type_url
            and not each.closed
            and (name is None or name in each.names)
        ]

    def names(self, type_url):
        return [each.names for each in self.open(type_url)]

    def send(self, type_url, *made, version="1", full=None, removed=()):
        """Gives messages to whom they are for; the outcomes."""
        wild = type_url in (CDS, LDS, SRDS)
        if wild:
            full = True if full is None else full
            items = [_resource(each, version) for each in made]
            update = Update(items, removed, version, full)
            return self.open(type_url)[0].subscriber.take(update)
        outcome = None
        for each in made:
            item = _resource(each, version)
            for subscription in self.open(type_url, item.name):
                outcome = subscription.subscriber.take(Update([item], (), version, False))
        return outcome

    def fail(self, type_url, name=None, failure=FetchFailure.TIMEOUT):
        for subscription in self.open(type_url, name):
            subscription.subscriber.fail(failure, "no answer")


def _resource(made, version):
    return made if isinstance(made, Resource) else resource(made, version)


class WorkersCore:
    """Remembers what is applied; `refuse` is asked about each update."""

    def __init__(self):
        self.updates = []
        self.refuse = lambda update: ()
        self.unresolved = set()

    def apply(self, data):
        update = worker_pb2.Update.FromString(data)
        rejections = [worker_pb2.Rejection(**each) for each in self.refuse(update)]
        if not rejections:
            self.updates.append(update)
        return worker_pb2.Rejections(rejections=rejections).SerializeToString()

    def check(self, data):
        update = worker_pb2.Update.FromString(data)
        rejections = [worker_pb2.Rejection(**each) for each in self.refuse(update)]
        return worker_pb2.Rejections(rejections=rejections).SerializeToString()

    def warming(self, name):
        return name in self.unresolved


class Clock:
    """Timers that go off when they are told."""

    def __init__(self):
        self.timers = []

    def later(self, seconds, call):
        timer = (seconds, call)
        self.timers.append(timer)
        return lambda: timer in self.timers and self.timers.remove(timer)

    def run(self):
        timers, self.timers = self.timers, []
        for _, call in timers:
            call()


class Log:
    def __init__(self):
        self.lines = []

    def _add(self, component, text):
        self.lines.append(f"{component}: {text}")

    debug = info = warning = error = _add


class Proxy:
    """The managers of a proxy, on fakes."""

    def __init__(self, text=BOOTSTRAP, core=None, **options):
        loaded = load_bootstrap(None, text)
        assert loaded.bootstrap is not None, loaded.diagnostics
        compiled = compile_bootstrap(loaded.bootstrap, read_file=lambda path: b"")
        errors = [each for each in compiled.diagnostics if each.severity == "error"]
        assert not errors, errors
        self.core = core or WorkersCore()
        self.clock = Clock()
        self.log = Log()
        self.xds = FakeSubscriptions()
        self.stats = MainThreadStats(Histograms())
        self.summary = summarize(compiled.update)
        self.ready = False
        self.runtime = RuntimeLayers(
            [RuntimeLayer(each.name) for each in loaded.bootstrap.layered_runtime.layers]
        )
        parts = DynamicParts(
            Options(**options),
            compiled.context,
            Workers(self.core, 1),
            self.xds,
            self.stats,
            self.summary,
            self.log,
            self.clock.later,
            self.runtime,
        )
        self.dynamic = Dynamic(
            parts, loaded.bootstrap.SerializeToString(), compiled.needs, self._ready
        )
        self.dynamic.start()

    def _ready(self):
        self.ready = True

    def stat(self, name):
        prefix, _, name = name.rpartition(".")
        for scope in self.stats._all():
            if scope.prefix == prefix and name in (*scope.names.counters, *scope.names.gauges):
                return scope.value(name)
        raise KeyError(name)

    @property
    def applied(self):
        """What the workers were given, in order, without empty updates."""
        found = []
        for update in self.core.updates:
            found += [("cluster", each.name) for each in update.clusters]
            found += [("endpoints", each.cluster) for each in update.load_assignments]
            found += [("endpoints", each.cluster) for each in update.endpoints]
            found += [("routes", each.config_name) for each in update.route_tables]
            found += [("listener", each.name) for each in update.listeners]
            found += [("no cluster", each) for each in update.removed_clusters]
            found += [("no listener", each) for each in update.removed_listeners]
        return found
