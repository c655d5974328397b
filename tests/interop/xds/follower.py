"""Subscribes as a proxy does: endpoints of the clusters that come, routes of the listeners."""

import asyncio
import threading

from lateen.proxy.log.levels import Level
from lateen.proxy.log.logger import Log
from lateen.proxy.stats.histograms import Histograms
from lateen.proxy.stats.main_thread import MainThreadStats
from lateen.proxy.xds.bootstrap import BootstrapSources
from lateen.proxy.xds.subscriptions import Surroundings, XdsSubscriptions
from lateen.xds.resource_types import CDS, EDS, LDS, RDS
from lateen.xds.subscription import BadResource, Outcome
from tests.interop.xds.resources import ADS, fill

# A cluster that a proxy refuses has this in its name.
REFUSED = "refused"


class Follower:
    """Runs an XdsSubscriptions in a thread; a context manager."""

    def __init__(self, fields, log_path):
        self._bootstrap = fill("envoy.config.bootstrap.v3.Bootstrap", fields)
        self._log = Log(lambda record: record.message, Level.INFO, path=str(log_path))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.stats = MainThreadStats(Histograms())

    def __enter__(self):
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *error):
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _start(self):
        sources = BootstrapSources(self._bootstrap.SerializeToString())
        self.subscriptions = XdsSubscriptions(Surroundings(sources, self.stats, self._log))
        self._source = fill("envoy.config.core.v3.ConfigSource", ADS)
        self._dependents = {}
        self._listening = False
        self._subscribe(CDS, None, _Manager(self, CDS, EDS), "cluster_manager.cds")

    async def _stop(self):
        self.subscriptions.close()
        await asyncio.sleep(0.05)

    def _subscribe(self, kind, names, subscriber, prefix):
        return self.subscriptions.subscribe(self._source, kind.type_url, names, subscriber, prefix)

    def clusters_came(self):
        """Listeners are asked for once the first clusters are here, and acknowledged."""
        if not self._listening:
            self._listening = True
            manager = _Manager(self, LDS, RDS)
            asyncio.get_running_loop().call_soon(
                self._subscribe, LDS, None, manager, "listener_manager.lds"
            )

    def depend(self, kind, owner, name):
        """Subscribes to a resource that another needs, once."""
        if (kind.short, owner) not in self._dependents:
            self._dependents[kind.short, owner] = self._subscribe(
                kind, [name], _Leaf(), f"{kind.short}.{owner}"
            )

    def drop(self, kind, owner):
        """Ends what `depend` began."""
        handle = self._dependents.pop((kind.short, owner), None)
        if handle is not None:
            handle.close()


class _Leaf:
    def take(self, update):
        return Outcome()

    def fail(self, failure, reason):
        pass


class _Manager:
    """Clusters or listeners, each of which needs a resource of another type."""

    def __init__(self, follower, kind, other):
        self._follower = follower
        self._kind = kind
        self._other = other
        self._held = set()

    def take(self, update):
        bad = []
        with self._follower.subscriptions.paused(self._other.type_url):
            came = {each.name for each in update.resources}
            gone = self._held - came if update.full else set(update.removed)
            for each in update.resources:
                if REFUSED in each.name:
                    bad.append(BadResource(each.name, "refused"))
                    gone.discard(each.name)
                    continue
                self._held.add(each.name)
                self._follower.depend(self._other, each.name, self._needed(each.name))
            for name in gone:
                self._held.discard(name)
                self._follower.drop(self._other, name)
        if self._kind is CDS:
            self._follower.clusters_came()
        return Outcome(tuple(bad))

    def _needed(self, name):
        """Endpoints are named as their cluster; routes as their listener, with an `r`."""
        return name if self._kind is CDS else f"r-{name}"

    def fail(self, failure, reason):
        pass
