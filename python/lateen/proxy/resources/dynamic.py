"""Everything of a proxy that is not static, and the order in which it begins.

As in Envoy: runtime layers, the endpoints of static clusters, then CDS and what its clusters need,
then LDS and what listeners need; the workers start when all of it came or the wait for it ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from lateen.config.load import BOOTSTRAP
from lateen.config.resource import ResourceChecker
from lateen.proxy.certificates import ContextInUse, in_use
from lateen.proxy.compile.discovery import eds_name, is_eds
from lateen.proxy.compile.supported import support_table
from lateen.proxy.resources.clusters import ClusterManager
from lateen.proxy.resources.collection import source_of
from lateen.proxy.resources.environment import Environment
from lateen.proxy.resources.filters import FilterManager
from lateen.proxy.resources.init_manager import InitManager
from lateen.proxy.resources.listeners import ListenerManager
from lateen.proxy.resources.on_demand import OnDemand
from lateen.proxy.resources.reading import ResourceReader, UnknownFields
from lateen.proxy.resources.routes import RouteManager
from lateen.proxy.resources.runtime import RuntimeSubscription
from lateen.proxy.resources.scopes import ScopeManager
from lateen.proxy.resources.secrets import SecretManager
from lateen.proxy.resources.tls_contexts import TlsContexts
from lateen.proxy.stats.main_thread import StatNames

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap

    from lateen.proxy.compile.bootstrap import ListenerNeeds
    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.config_summary import ConfigSummary
    from lateen.proxy.log.logger import Log
    from lateen.proxy.options import Options
    from lateen.proxy.resources.environment import Later
    from lateen.proxy.runtime import RuntimeLayers
    from lateen.proxy.stats.main_thread import MainThreadStats
    from lateen.proxy.workers import Workers
    from lateen.xds.subscription import Subscriptions


_STATS = StatNames(counters=("dynamic_unknown_fields",))


@dataclass(frozen=True)
class DynamicParts:
    """What of the running proxy the managers work with; see Environment."""

    options: Options
    context: CompileContext
    workers: Workers
    subscriptions: Subscriptions
    stats: MainThreadStats
    summary: ConfigSummary
    log: Log
    later: Later
    runtime: RuntimeLayers


class Dynamic:
    """The managers of one proxy.

    Attributes:
        init: what the server waits for.
        clusters: the cluster manager.
        routes: route configurations by RDS.
        scopes: scoped routes by SRDS.
        filters: HTTP filters by ECDS.
        on_demand: answers requests that wait for routes and clusters.
        secrets: those of the bootstrap and those by SDS.
        listeners: the listener manager.
        tls: contexts with secrets by SDS.
    """

    def __init__(
        self,
        parts: DynamicParts,
        bootstrap: bytes,
        needs: ListenerNeeds,
        on_ready: Callable[[], None],
    ) -> None:
        """Managers for what the bootstrap, serialized, asks for.

        Args:
            parts: of the proxy.
            bootstrap: an envoy.config.bootstrap.v3.Bootstrap.
            needs: what the static listeners subscribe to.
            on_ready: called when the workers may start.
        """
        types = parts.context.types
        types.keep_classes()
        message = types.message_class(BOOTSTRAP)()
        message.MergeFromString(bootstrap)
        self._bootstrap = cast("Bootstrap", message)
        self._needs = needs
        self._context = replace(parts.context, diagnostics=[], excused={}, elsewhere=set())
        self.init = InitManager("Server", on_ready)
        self._runtime = parts.runtime
        self._first = InitManager("RTDS", self._start_clusters)
        environment = self._environment_of(parts)
        self._environment = environment
        static = self._bootstrap.static_resources
        self.clusters = ClusterManager(environment, [each.name for each in static.clusters])
        self._context.clusters = self.clusters.names()
        self.routes = RouteManager(environment)
        self.scopes = ScopeManager(environment, self.routes)
        self.filters = FilterManager(environment)
        self.secrets = SecretManager(environment, static.secrets)
        self.on_demand = OnDemand(environment, self.routes, self.scopes, self.clusters)
        self.tls = TlsContexts(environment, self.secrets, self._context)
        self.clusters.use_tls(self.tls)
        names = [each.name for each in static.listeners]
        self.listeners = ListenerManager(
            environment, self.routes, self.scopes, self.filters, self.tls, names
        )

    def start(self) -> None:
        """Subscribes to the first things."""
        for layer in self._bootstrap.layered_runtime.layers:
            if layer.HasField("rtds_layer"):
                ready = self._first.target(f"RTDS {layer.rtds_layer.name}")
                RuntimeSubscription(self._environment, self._runtime, layer, ready).start()
        self._first.start()

    def tls_contexts(self) -> list[ContextInUse]:
        """The TLS contexts of what came over xDS, and those with secrets by SDS."""
        found = list(self.tls.in_use())
        for listener in self.listeners.warming.active.values():
            plans = listener.compiled.tls
            found += [in_use(each.block, each.context) for each in plans if not each.secrets]
        for cluster in self.clusters.active.values():
            found += [in_use(each.block, each.context) for each in cluster.tls if not each.secrets]
        return found

    @property
    def pending(self) -> list[str]:
        """What the start waits for."""
        return [*self._first.pending, *self.init.pending]

    def _start_clusters(self) -> None:
        for cluster in self._bootstrap.static_resources.clusters:
            if is_eds(cluster):
                source = cluster.eds_cluster_config.eds_config
                shown = cluster.alt_stat_name or cluster.name
                self.clusters.add_static(cluster.name, shown, source, eds_name(cluster))
        for plan in self._needs.tls:
            self.tls.acquire(plan, self.init.target(f"SDS {plan.name}"))
        dynamic = self._bootstrap.dynamic_resources
        locator = dynamic.cds_resources_locator
        wanted = bool(locator) or dynamic.HasField("cds_config")
        cds = source_of(dynamic.cds_config, locator) if wanted else None
        self.clusters.start(cds, locator, self._start_listeners)

    def tick(self) -> None:
        """What is to be done every few seconds."""
        self._environment.forget_released()

    def _start_listeners(self) -> None:
        for source in self._needs.routes:
            self.routes.acquire(source, self.init.target(f"RDS {source.name}"))
        for scopes in self._needs.scopes:
            self.scopes.acquire(scopes, self.init.target(f"SRDS {scopes.name}"))
        for each in self._needs.filters:
            self.filters.acquire(each, self.init.target(f"ECDS {each.name}"))
        dynamic = self._bootstrap.dynamic_resources
        locator = dynamic.lds_resources_locator
        if locator or dynamic.HasField("lds_config"):
            self.listeners.start(source_of(dynamic.lds_config, locator), locator)
        self.init.start()

    def _environment_of(self, parts: DynamicParts) -> Environment:
        options = parts.options
        counted = parts.stats.open("server", _STATS)

        def report(text: str) -> None:
            counted.add("dynamic_unknown_fields")
            parts.log.warning("config", text)

        unknown = UnknownFields(
            reject=options.reject_unknown_dynamic_fields,
            ignore=options.ignore_unknown_dynamic_fields,
            report=report,
        )
        checker = ResourceChecker(self._context.types, self._bootstrap)
        return Environment(
            reader=ResourceReader(self._context, checker, support_table(), unknown),
            workers=parts.workers,
            subscriptions=parts.subscriptions,
            stats=parts.stats,
            blocks=self._context.blocks,
            summary=parts.summary,
            log=parts.log,
            init=self.init,
            later=parts.later,
            drain_time_s=options.drain_time_s,
            concurrency=parts.workers.concurrency,
        )
