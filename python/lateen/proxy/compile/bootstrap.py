"""A whole bootstrap: what the process starts with.

Source: envoy/config/bootstrap/v3/bootstrap.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import Node, Update
from lateen.proxy.compile.cluster import compile_cluster
from lateen.proxy.compile.collection import check_collection
from lateen.proxy.compile.control_plane import note_control_planes
from lateen.proxy.compile.discovery import is_eds
from lateen.proxy.compile.dns import compile_default_resolver
from lateen.proxy.compile.internal_listener import internal_buffer_bytes
from lateen.proxy.compile.listener import compile_listener
from lateen.proxy.compile.overload import compile_overload
from lateen.proxy.compile.runtime import compile_runtime, runtime_for_workers
from lateen.proxy.compile.stats_sinks import compile_stats_sinks

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import FilterSource, RouteSource, ScopeSource
    from lateen.proxy.compile.transport_sockets.plan import TlsPlan

_PROCESS = "it tunes Envoy's process"
_PACKAGE = "envoy.config.bootstrap.v3"
_CLUSTER = "envoy.config.cluster.v3.Cluster"
_LISTENER = "envoy.config.listener.v3.Listener"

SUPPORT = (
    Fields(
        f"{_PACKAGE}.Bootstrap",
        implemented="""
            node static_resources dynamic_resources cluster_manager stats_config
            stats_flush_interval stats_flush_on_admin layered_runtime admin use_tcp_for_dns_lookups
            dns_resolution_config typed_dns_resolver_config stats_server_version_override
            application_log_config node_context_params config_sources default_config_source
            overload_manager bootstrap_extensions enable_worker_cpu_affinity
            stats_sinks tracing
        """,
        harmless={
            "flags_path": "nothing reads it, as in Envoy",
            "deferred_stat_options": _PROCESS,
            "stats_eviction_interval": _PROCESS,
            "watchdog": _PROCESS,
            "watchdogs": _PROCESS,
            "enable_dispatcher_stats": _PROCESS,
            "fatal_actions": _PROCESS,
            "default_socket_interface": _PROCESS,
            "inline_headers": _PROCESS,
            "perf_tracing_file_path": _PROCESS,
            "default_regex_engine": "patterns are RE2's",
            "listener_manager": _PROCESS,
            "grpc_async_client_manager_config": _PROCESS,
            "memory_allocator_manager": _PROCESS,
        },
    ),
    Fields(
        f"{_PACKAGE}.Bootstrap.StaticResources",
        implemented="listeners clusters secrets",
    ),
    Fields(
        "envoy.extensions.transport_sockets.tls.v3.Secret",
        implemented="name tls_certificate session_ticket_keys validation_context",
        harmless={"generic_secret": "no extension reads it yet"},
    ),
    Fields(
        f"{_PACKAGE}.Bootstrap.DynamicResources",
        implemented="""
            lds_config cds_config ads_config lds_resources_locator cds_resources_locator
        """,
    ),
    Fields(
        f"{_PACKAGE}.ClusterManager",
        implemented="""
            local_cluster_name upstream_bind_config load_stats_config outlier_detection
        """,
        harmless={
            "enable_deferred_cluster_creation": _PROCESS,
        },
    ),
    Fields(
        f"{_PACKAGE}.Admin",
        implemented="access_log access_log_path address allow_paths",
        harmless={
            "profile_path": _PROCESS,
            "socket_options": "the admin listener needs none",
            "ignore_global_conn_limit": "no limit holds for the admin listener",
        },
    ),
    Fields(f"{_PACKAGE}.ClusterManager.OutlierDetection", implemented="event_log_path"),
    whole(f"{_PACKAGE}.LayeredRuntime"),
    whole(f"{_PACKAGE}.RuntimeLayer.AdminLayer"),
    whole(f"{_PACKAGE}.Bootstrap.ApplicationLogConfig"),
    whole(f"{_PACKAGE}.Bootstrap.ApplicationLogConfig.LogFormat"),
    whole("envoy.config.core.v3.Node"),
    whole("envoy.config.core.v3.BuildVersion"),
    whole("envoy.config.core.v3.Extension"),
    whole("envoy.config.metrics.v3.StatsConfig"),
    whole("envoy.config.metrics.v3.StatsMatcher"),
    whole("envoy.config.metrics.v3.TagSpecifier"),
    whole("envoy.config.metrics.v3.HistogramBucketSettings"),
    whole("envoy.type.matcher.v3.ListStringMatcher"),
    whole("envoy.type.v3.SemanticVersion"),
    whole("xds.core.v3.ContextParams"),
)


@dataclass
class ListenerNeeds:
    """What the listeners of a bootstrap subscribe to: routes (RDS), scopes (SRDS) and HTTP filters
    (ECDS); whether requests may ask for clusters; and its TLS contexts, those of clusters too."""

    routes: list[RouteSource] = field(default_factory=list)
    scopes: list[ScopeSource] = field(default_factory=list)
    filters: list[FilterSource] = field(default_factory=list)
    on_demand: bool = False
    tls: list[TlsPlan] = field(default_factory=list)


def is_dynamic(bootstrap: Bootstrap, needs: ListenerNeeds) -> bool:
    """Whether a bootstrap asks for anything that is not static."""
    if (
        needs.routes
        or needs.filters
        or needs.scopes
        or needs.on_demand
        or any(plan.secrets for plan in needs.tls)
        or any(is_eds(each) for each in bootstrap.static_resources.clusters)
    ):
        return True
    if any(layer.HasField("rtds_layer") for layer in bootstrap.layered_runtime.layers):
        return True
    dynamic = bootstrap.dynamic_resources
    return (
        dynamic.HasField("cds_config")
        or dynamic.HasField("lds_config")
        or bool(dynamic.cds_resources_locator or dynamic.lds_resources_locator)
    )


def compile_bootstrap_resources(
    ctx: CompileContext, bootstrap: Bootstrap
) -> tuple[Update, ListenerNeeds]:
    """Everything static in a bootstrap, in the order of the file, as one update, and what its
    listeners subscribe to.

    The context's runtime, default resolver, default bind source, event log, stats sinks, overload
    plan, limits, tracer and cluster names are set from the bootstrap.
    """
    ctx.runtime = compile_runtime(ctx, bootstrap.layered_runtime, "layered_runtime")
    ctx.default_resolver = compile_default_resolver(ctx, bootstrap)
    if bootstrap.cluster_manager.HasField("upstream_bind_config"):
        ctx.default_bind = bootstrap.cluster_manager.upstream_bind_config
    ctx.outlier_event_log = bootstrap.cluster_manager.outlier_detection.event_log_path
    ctx.secrets = {secret.name: secret for secret in bootstrap.static_resources.secrets}
    ctx.stats_sinks = compile_stats_sinks(ctx, bootstrap)
    ctx.overload = compile_overload(ctx, bootstrap.overload_manager, "overload_manager")
    ctx.max_connections = ctx.overload.max_connections if ctx.overload is not None else 0
    ctx.internal_buffer_bytes = internal_buffer_bytes(ctx, bootstrap.bootstrap_extensions)
    if bootstrap.tracing.HasField("http"):
        ctx.tracing_provider = bootstrap.tracing.http
    note_control_planes(ctx, bootstrap)
    _check_collections(ctx, bootstrap.dynamic_resources)
    update = Update(runtime=runtime_for_workers(ctx.runtime), node=_node(bootstrap))
    _compile_clusters(ctx, bootstrap, update)
    needs = _compile_listeners(ctx, bootstrap, update)
    needs.tls = list({plan.name: plan for plan in ctx.tls}.values())
    update.tls_contexts.extend(plan.context for plan in needs.tls)
    return update, needs


def _node(bootstrap: Bootstrap) -> Node:
    """This proxy as zone-aware routing knows it."""
    node = Node(local_cluster=bootstrap.cluster_manager.local_cluster_name)
    if bootstrap.node.HasField("locality"):
        source = bootstrap.node.locality
        node.locality.region, node.locality.zone = source.region, source.zone
        node.locality.sub_zone = source.sub_zone
    return node


def _check_collections(ctx: CompileContext, dynamic: Bootstrap.DynamicResources) -> None:
    at = "dynamic_resources"
    if locator := dynamic.cds_resources_locator:
        where = (f"{at}.cds_resources_locator", f"{at}.cds_config")
        check_collection(ctx, locator, dynamic.cds_config, _CLUSTER, where)
    if locator := dynamic.lds_resources_locator:
        where = (f"{at}.lds_resources_locator", f"{at}.lds_config")
        check_collection(ctx, locator, dynamic.lds_config, _LISTENER, where)


def _compile_clusters(ctx: CompileContext, bootstrap: Bootstrap, out: Update) -> None:
    names: set[str] = set()
    for index, source in enumerate(bootstrap.static_resources.clusters):
        at = f"static_resources.clusters[{index}]"
        if source.name in names:
            ctx.error(f"{at}.name", f"cluster manager: duplicate cluster '{source.name}'")
        names.add(source.name)
        out.clusters.append(compile_cluster(ctx, source, at))
    if bootstrap.cluster_manager.local_cluster_name:
        # As Envoy starts them, which shows in lb_recalculate_zone_structures.
        out.clusters.sort(key=lambda cluster: cluster.name)
    ctx.clusters = names


def _compile_listeners(ctx: CompileContext, bootstrap: Bootstrap, out: Update) -> ListenerNeeds:
    names: set[str] = set()
    needs = ListenerNeeds()
    for index, source in enumerate(bootstrap.static_resources.listeners):
        at = f"static_resources.listeners[{index}]"
        compiled = compile_listener(ctx, source, at)
        name = compiled.listener.name
        if name in names:  # Envoy keeps the first
            continue
        names.add(name)
        out.listeners.append(compiled.listener)
        out.route_tables.extend(compiled.route_tables)
        needs.routes += compiled.route_sources
        needs.scopes += compiled.scope_sources
        needs.filters += compiled.filter_sources
    needs.on_demand = bool(ctx.on_demand)
    return needs
