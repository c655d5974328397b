"""Every check, by the full name of the message type it looks at."""

from __future__ import annotations

from lateen.config.check import (
    cluster,
    extensions,
    http,
    listener,
    path_template,
    references,
    regex,
    server,
)
from lateen.config.check.context import MessageCheck

CHECKS: dict[str, tuple[MessageCheck, ...]] = {
    "envoy.config.accesslog.v3.AccessLog": (extensions.access_log,),
    "envoy.config.accesslog.v3.ExtensionFilter": (extensions.access_log_filter,),
    "envoy.config.bootstrap.v3.Admin": (server.admin,),
    "envoy.config.bootstrap.v3.Bootstrap": (
        server.bootstrap,
        extensions.bootstrap,
        listener.addresses,
        references.unique_clusters,
    ),
    "envoy.config.cluster.v3.Cluster": (cluster.cluster, extensions.cluster),
    "envoy.config.cluster.v3.LoadBalancingPolicy": (extensions.load_balancing_policy,),
    "envoy.config.core.v3.HealthCheck.CustomHealthCheck": (extensions.custom_health_check,),
    "envoy.config.core.v3.SubstitutionFormatString": (extensions.format_string,),
    "envoy.config.listener.v3.Filter": (extensions.network_filter,),
    "envoy.config.listener.v3.FilterChain": (extensions.filter_chain,),
    "envoy.config.listener.v3.Listener": (listener.listener,),
    "envoy.config.listener.v3.ListenerFilter": (extensions.listener_filter,),
    "envoy.config.metrics.v3.StatsSink": (extensions.stats_sink,),
    "envoy.config.overload.v3.ResourceMonitor": (extensions.resource_monitor,),
    "envoy.config.route.v3.RetryPolicy": (extensions.retry_policy, http.retry_policy),
    "envoy.config.route.v3.Route": (extensions.overrides,),
    "envoy.config.route.v3.RouteAction": (extensions.route_action, http.route_action),
    "envoy.config.route.v3.RouteConfiguration": (
        extensions.overrides,
        http.route_configuration,
        references.unique_domains,
        references.known_clusters,
    ),
    "envoy.config.route.v3.RouteMatch": (extensions.route_match,),
    "envoy.config.route.v3.VirtualHost": (extensions.overrides,),
    "envoy.config.route.v3.WeightedCluster.ClusterWeight": (extensions.overrides,),
    "envoy.config.trace.v3.Tracing.Http": (extensions.tracer,),
    "envoy.extensions.access_loggers.file.v3.FileAccessLog": (server.file_access_log,),
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager": (
        extensions.connection_manager,
        http.connection_manager,
    ),
    "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy": (listener.tcp_proxy,),
    "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig": (
        path_template.uri_template,
    ),
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": (extensions.upstream_filters,),
    "envoy.type.matcher.v3.RegexMatcher": (regex.regex_matcher,),
}
