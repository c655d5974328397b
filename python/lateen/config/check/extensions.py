"""An extension is one that Envoy has, in the place where it is used.

extensions.json lists the message types of every category, as Envoy 1.40 reports them under
`bootstrap.node.extensions` of /config_dump; Istio's proxies have some more, and so has Lateen.
Envoy finds an extension by its type alone; the name beside it is free.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from lateen.config.check.context import CheckContext
from lateen.config.diagnostics import nearest
from lateen.config.paths import Place
from lateen.config.typed import TYPED_STRUCTS
from lateen.protos import PackedMessage, UnknownTypeError

if TYPE_CHECKING:
    from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog, ExtensionFilter
    from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap
    from envoy.config.cluster.v3.cluster_pb2 import Cluster, LoadBalancingPolicy
    from envoy.config.core.v3.base_pb2 import TransportSocket
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
    from envoy.config.core.v3.health_check_pb2 import HealthCheck
    from envoy.config.core.v3.substitution_format_string_pb2 import SubstitutionFormatString
    from envoy.config.listener.v3.listener_components_pb2 import (
        Filter,
        FilterChain,
        ListenerFilter,
    )
    from envoy.config.metrics.v3.stats_pb2 import StatsSink
    from envoy.config.overload.v3.overload_pb2 import ResourceMonitor
    from envoy.config.route.v3.route_components_pb2 import (
        RetryPolicy,
        Route,
        RouteAction,
        RouteMatch,
    )
    from envoy.config.trace.v3.http_tracer_pb2 import Tracing
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm_pb2,
    )
    from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

# Envoy wants a typed_config for every extension. Configuration written for older versions often has
# none for the router, and its meaning is plain.
NAME_IS_ENOUGH = frozenset(("envoy.filters.http.router", "envoy.router"))

_FILTER_CONFIG = "envoy.config.route.v3.FilterConfig"
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


# The filters that only Istio's build of Envoy has, and Lateen's own.
_BESIDE = {
    "envoy.filters.http": (
        "lateen.filters.http.python.v1.Python",
        "io.istio.http.peer_metadata.Config",
        "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig",
        "stats.PluginConfig",
    ),
    "envoy.filters.network": (
        "envoy.tcp.metadataexchange.config.MetadataExchange",
        "stats.PluginConfig",
    ),
}


@functools.cache
def extension_types() -> dict[str, frozenset[str]]:
    """The message types of each category of extensions."""
    with open(os.path.join(os.path.dirname(__file__), "extensions.json"), encoding="utf-8") as file:
        return {
            category: frozenset((*names, *_BESIDE.get(category, ())))
            for category, names in json.load(file).items()
        }


def _check(cx: CheckContext, place: Place, name: str, packed: PackedMessage, category: str) -> None:
    """The type in `packed` is one of the category."""
    full_name = _type_in(cx, packed)
    known = extension_types()[category]
    if full_name in known:
        return
    if not full_name:
        cx.error(place, f"{name or 'the extension'} has no typed_config", _suggest(name, known))
    else:
        text = f"{full_name} is no extension of the category {category}"
        cx.error((place, "typed_config"), text, nearest(full_name, known))


def _type_in(cx: CheckContext, packed: PackedMessage) -> str:
    full_name = packed.type_url.rpartition("/")[2]
    if full_name in TYPED_STRUCTS:
        try:
            typed = cx.types.unpack(packed)
        except (UnknownTypeError, DecodeError):
            return full_name
        return str(getattr(typed, "type_url", "")).rpartition("/")[2]
    return full_name


def _suggest(name: str, known: Iterable[str]) -> str:
    word = name.rpartition(".")[2]
    alike = sorted(full_name for full_name in known if f".{word}." in full_name) if word else []
    return f'add typed_config with "@type": type.googleapis.com/{alike[0]}' if alike else ""


def _each(
    cx: CheckContext,
    place: Place,
    name: str,
    items: Iterable[TypedExtensionConfig],
    category: str,
) -> None:
    for index, item in enumerate(items):
        _check(cx, ((place, name), index), item.name, item.typed_config, category)


def access_log(message: AccessLog, place: Place, cx: CheckContext) -> None:
    """An access log is an access logger."""
    _check(cx, place, message.name, message.typed_config, "envoy.access_loggers")


def access_log_filter(message: ExtensionFilter, place: Place, cx: CheckContext) -> None:
    """An access log's extension filter is one."""
    category = "envoy.access_loggers.extension_filters"
    _check(cx, place, message.name, message.typed_config, category)


def cluster(message: Cluster, place: Place, cx: CheckContext) -> None:
    """A cluster's transport sockets and protocol options are such."""
    if message.HasField("transport_socket"):
        _upstream_socket(cx, (place, "transport_socket"), message.transport_socket)
    for index, match in enumerate(message.transport_socket_matches):
        if match.HasField("transport_socket"):
            where: Place = ((place, "transport_socket_matches"), index)
            _upstream_socket(cx, (where, "transport_socket"), match.transport_socket)
    for key, packed in message.typed_extension_protocol_options.items():
        full_name = _type_in(cx, packed)
        if key == _HTTP_OPTIONS and full_name != _HTTP_OPTIONS:
            here: Place = ((place, "typed_extension_protocol_options"), key)
            cx.error(here, f"{key} must be a {_HTTP_OPTIONS}, not {full_name or 'nothing'}")


def _upstream_socket(cx: CheckContext, place: Place, message: TransportSocket) -> None:
    category = "envoy.transport_sockets.upstream"
    _check(cx, place, message.name, message.typed_config, category)


def connection_manager(
    message: hcm_pb2.HttpConnectionManager, place: Place, cx: CheckContext
) -> None:
    """HTTP filters and the manager's other extensions are such."""
    for index, item in enumerate(message.http_filters):
        where: Place = ((place, "http_filters"), index)
        _http_filter(cx, where, item, "envoy.filters.http")
    original = message.original_ip_detection_extensions
    category = "envoy.http.original_ip_detection"
    _each(cx, place, "original_ip_detection_extensions", original, category)
    mutations = message.early_header_mutation_extensions
    category = "envoy.http.early_header_mutation"
    _each(cx, place, "early_header_mutation_extensions", mutations, category)
    request_id = message.request_id_extension
    if request_id.HasField("typed_config"):
        where = (place, "request_id_extension")
        _check(cx, where, "", request_id.typed_config, "envoy.request_id")


def upstream_filters(message: HttpProtocolOptions, place: Place, cx: CheckContext) -> None:
    """The filters of a cluster are upstream filters."""
    for index, item in enumerate(message.http_filters):
        where: Place = ((place, "http_filters"), index)
        _http_filter(cx, where, item, "envoy.filters.http.upstream")


def _http_filter(
    cx: CheckContext, place: Place, message: hcm_pb2.HttpFilter, category: str
) -> None:
    if message.is_optional or message.HasField("config_discovery"):
        return
    if message.name in NAME_IS_ENOUGH and not message.typed_config.type_url:
        return
    _check(cx, place, message.name, message.typed_config, category)


def overrides(message: Route, place: Place, cx: CheckContext) -> None:
    """What overrides a filter's configuration belongs to an HTTP filter."""
    for key, packed in message.typed_per_filter_config.items():
        if _type_in(cx, packed) != _FILTER_CONFIG:
            where: Place = ((place, "typed_per_filter_config"), key)
            _check(cx, where, key, packed, "envoy.filters.http")


def network_filter(message: Filter, place: Place, cx: CheckContext) -> None:
    """A network filter is one."""
    if not message.HasField("config_discovery"):
        _check(cx, place, message.name, message.typed_config, "envoy.filters.network")


def listener_filter(message: ListenerFilter, place: Place, cx: CheckContext) -> None:
    """A listener filter is one."""
    if not message.HasField("config_discovery"):
        _check(cx, place, message.name, message.typed_config, "envoy.filters.listener")


def filter_chain(message: FilterChain, place: Place, cx: CheckContext) -> None:
    """A filter chain's transport socket is one for downstream connections."""
    if message.HasField("transport_socket"):
        socket = message.transport_socket
        category = "envoy.transport_sockets.downstream"
        _check(cx, (place, "transport_socket"), socket.name, socket.typed_config, category)


def retry_policy(message: RetryPolicy, place: Place, cx: CheckContext) -> None:
    """Retry predicates and priorities are such."""
    for index, predicate in enumerate(message.retry_host_predicate):
        where: Place = ((place, "retry_host_predicate"), index)
        category = "envoy.retry_host_predicates"
        _check(cx, where, predicate.name, predicate.typed_config, category)
    if message.HasField("retry_priority"):
        priority = message.retry_priority
        where = (place, "retry_priority")
        _check(cx, where, priority.name, priority.typed_config, "envoy.retry_priorities")


def route_match(message: RouteMatch, place: Place, cx: CheckContext) -> None:
    """A path match policy is one."""
    if message.HasField("path_match_policy"):
        policy = message.path_match_policy
        where = (place, "path_match_policy")
        _check(cx, where, policy.name, policy.typed_config, "envoy.path.match")


def route_action(message: RouteAction, place: Place, cx: CheckContext) -> None:
    """The extensions of a route are such."""
    if message.HasField("path_rewrite_policy"):
        rewrite = message.path_rewrite_policy
        where = (place, "path_rewrite_policy")
        _check(cx, where, rewrite.name, rewrite.typed_config, "envoy.path.rewrite")
    if message.HasField("early_data_policy"):
        early = message.early_data_policy
        where = (place, "early_data_policy")
        _check(cx, where, early.name, early.typed_config, "envoy.route.early_data_policy")
    predicates = message.internal_redirect_policy.predicates
    where = (place, "internal_redirect_policy")
    _each(cx, where, "predicates", predicates, "envoy.internal_redirect_predicates")


def load_balancing_policy(message: LoadBalancingPolicy, place: Place, cx: CheckContext) -> None:
    """One of the policies is known: Envoy takes the first that is."""
    known = extension_types()["envoy.load_balancing_policies"]
    policies = [policy.typed_extension_config for policy in message.policies]
    if policies and not any(_type_in(cx, policy.typed_config) in known for policy in policies):
        names = ", ".join(policy.name for policy in policies)
        cx.error((place, "policies"), f"none of the load balancing policies is known: {names}")


def format_string(message: SubstitutionFormatString, place: Place, cx: CheckContext) -> None:
    """A format's formatters are such."""
    _each(cx, place, "formatters", message.formatters, "envoy.formatter")


def custom_health_check(
    message: HealthCheck.CustomHealthCheck, place: Place, cx: CheckContext
) -> None:
    """A custom health check is a health checker."""
    _check(cx, place, message.name, message.typed_config, "envoy.health_checkers")


def tracer(message: Tracing.Http, place: Place, cx: CheckContext) -> None:
    """A tracing provider is a tracer."""
    _check(cx, place, message.name, message.typed_config, "envoy.tracers")


def stats_sink(message: StatsSink, place: Place, cx: CheckContext) -> None:
    """A stats sink is one."""
    _check(cx, place, message.name, message.typed_config, "envoy.stats_sinks")


def bootstrap(message: Bootstrap, place: Place, cx: CheckContext) -> None:
    """Bootstrap extensions are such."""
    _each(cx, place, "bootstrap_extensions", message.bootstrap_extensions, "envoy.bootstrap")


def resource_monitor(message: ResourceMonitor, place: Place, cx: CheckContext) -> None:
    """A resource monitor is one."""
    _check(cx, place, message.name, message.typed_config, "envoy.resource_monitors")
