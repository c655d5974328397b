"""The stats that no worker counts: of the server, its managers and the admin listener."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from lateen.proxy.runtime import RuntimeLoads
from lateen.proxy.stats.model import Stat, counter, gauge

# server.days_until_first_cert_expiring of a process without certificates.
_NEVER = 2**32 - 1


class ServerState(IntEnum):
    """Envoy's server states, numbered as `server.state` (admin.v3.ServerInfo.State)."""

    LIVE = 0
    DRAINING = 1
    PRE_INITIALIZING = 2
    INITIALIZING = 3


@dataclass
class ProcessFacts:
    """What the main thread knows of itself.

    Attributes:
        concurrency: number of workers.
        clusters: number of clusters.
        dns_clusters: how many of them need DNS.
        listeners: number of listeners.
        listeners_added: how many were ever added, likewise for the rest.
        uptime_s: seconds since the start of the first epoch.
        restart_generation: how many processes there have been; 0: hot restart is disabled.
        parent_connections: connections of processes that are being replaced.
        runtime_layers: number of runtime layers, `runtime_keys` number of keys in them.
    """

    concurrency: int
    clusters: int = 0
    listeners: int = 0
    listeners_stopped: int = 0
    workers_started: bool = False
    unknown_fields: int = 0
    runtime_layers: int = 0
    runtime_keys: int = 0
    runtime_overrides: int = 0
    runtime_loads: RuntimeLoads = field(default_factory=lambda: RuntimeLoads(success=2))
    state: ServerState = ServerState.PRE_INITIALIZING
    uptime_s: int = 0
    total_connections: int = 0
    memory_allocated: int = 0
    memory_heap: int = 0
    memory_physical: int = 0
    version: int = 0
    lookups: int = 0
    restart_epoch: int = 0
    restart_generation: int = 0
    parent_connections: int = 0
    counters: dict[str, int] = field(default_factory=dict)


def process_stats(facts: ProcessFacts) -> Iterator[Stat]:
    """The stats under their full names, in no order."""
    yield from _managers(facts)
    yield from _runtime(facts)
    yield from _server(facts)
    yield from _watchdogs(facts)
    for name in _ZERO_COUNTERS:
        yield counter(name, facts.counters.get(name, 0))
    for thread in ("main_thread", *(f"worker_{number}" for number in range(facts.concurrency))):
        yield gauge(f"thread_local_cluster_manager.{thread}.clusters_inflated", facts.clusters)


def _managers(facts: ProcessFacts) -> Iterator[Stat]:
    yield gauge("cluster_manager.active_clusters", facts.clusters, used=True)
    yield gauge("cluster_manager.warming_clusters", used=True)
    yield counter("cluster_manager.cluster_added", facts.clusters)
    yield counter("listener_manager.listener_added", facts.listeners)
    yield counter("listener_manager.listener_create_success", facts.listeners * facts.concurrency)
    yield counter("listener_manager.listener_stopped", facts.listeners_stopped)
    yield gauge("listener_manager.total_listeners_active", facts.listeners, used=True)
    yield gauge("listener_manager.total_listeners_warming", used=True)
    yield gauge("listener_manager.workers_pinned")
    yield gauge("listener_manager.workers_started", int(facts.workers_started), used=True)


def _runtime(facts: ProcessFacts) -> Iterator[Stat]:
    yield gauge("runtime.admin_overrides_active", facts.runtime_overrides)
    yield gauge("runtime.deprecated_feature_seen_since_process_start")
    yield gauge("runtime.num_keys", facts.runtime_keys, used=True)
    yield gauge("runtime.num_layers", facts.runtime_layers, used=True)
    loads = facts.runtime_loads
    yield counter("runtime.load_error", loads.error)
    yield counter("runtime.load_success", loads.success)
    yield counter("runtime.override_dir_exists", loads.dir_exists)
    yield counter("runtime.override_dir_not_exists", loads.dir_not_exists)


def _server(facts: ProcessFacts) -> Iterator[Stat]:
    live = facts.state is ServerState.LIVE
    yield gauge("server.compilation_settings.fips_mode", used=True)
    yield gauge("server.concurrency", facts.concurrency)
    yield gauge("server.days_until_first_cert_expiring", _NEVER)
    yield gauge("server.hot_restart_epoch", facts.restart_epoch)
    if facts.restart_generation:
        yield gauge("server.hot_restart_generation", facts.restart_generation)
    yield gauge("server.live", int(live), used=True)
    yield gauge("server.memory_allocated", facts.memory_allocated)
    yield gauge("server.memory_heap_size", facts.memory_heap)
    yield gauge("server.memory_physical_size", facts.memory_physical)
    yield gauge("server.parent_connections", facts.parent_connections)
    yield gauge("server.seconds_until_first_ocsp_response_expiring")
    yield gauge("server.state", int(facts.state), used=True)
    yield gauge("server.stats_recent_lookups", facts.lookups)
    yield gauge("server.total_connections", facts.total_connections, used=True)
    yield gauge("server.uptime", facts.uptime_s)
    yield gauge("server.version", facts.version)
    yield Stat("server.static_unknown_fields", _COUNTER, facts.unknown_fields, True)
    yield Stat("server.dynamic_unknown_fields", _COUNTER, 0, True)
    yield Stat("server.wip_protos", _COUNTER, 0, True)


def _watchdogs(facts: ProcessFacts) -> Iterator[Stat]:
    workers = (f"server.worker_{number}" for number in range(facts.concurrency))
    for front in ("main_thread", "workers", "server.main_thread", *workers):
        yield counter(f"{front}.watchdog_mega_miss")
        yield counter(f"{front}.watchdog_miss")


_COUNTER = counter("").kind

# Envoy has them; what they count does not happen here, or is in `ProcessFacts.counters`.
_ZERO_COUNTERS = (
    "cluster_manager.cluster_modified",
    "cluster_manager.cluster_removed",
    "cluster_manager.cluster_updated",
    "cluster_manager.cluster_updated_via_merge",
    "cluster_manager.update_merge_cancelled",
    "cluster_manager.update_out_of_merge_window",
    "dns.cares.reinits",
    "envoy.overload_actions.reset_high_memory_stream.count",
    "http.async-client.no_cluster",
    "http.async-client.no_route",
    "http.async-client.passthrough_internal_redirect_bad_location",
    "http.async-client.passthrough_internal_redirect_no_route",
    "http.async-client.passthrough_internal_redirect_predicate",
    "http.async-client.passthrough_internal_redirect_too_many_redirects",
    "http.async-client.passthrough_internal_redirect_unsafe_scheme",
    "http.async-client.rq_direct_response",
    "http.async-client.rq_overload_local_reply",
    "http.async-client.rq_redirect",
    "http.async-client.rq_reset_after_downstream_response_started",
    "listener_manager.listener_create_failure",
    "listener_manager.listener_in_place_updated",
    "listener_manager.listener_modified",
    "listener_manager.listener_removed",
    "runtime.deprecated_feature_use",
    "server.debug_assertion_failures",
    "server.dropped_stat_flushes",
    "server.envoy_bug_failures",
    "server.envoy_notifications",
)
