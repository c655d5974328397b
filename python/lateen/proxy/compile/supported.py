"""The table of everything that the compile modules implement.

Source of docs/envoy-coverage.md; see lateen.config.support.
"""

from __future__ import annotations

from lateen.config.support import Fields, SupportTable, whole
from lateen.proxy.compile import (
    access_log,
    access_log_filter,
    address,
    bootstrap,
    circuit_breakers,
    cluster,
    control_plane,
    data_source,
    discovery,
    dns,
    endpoints,
    filter_chain,
    headers,
    http1_options,
    http2_options,
    http_filter_chain,
    listener,
    listener_filter,
    load_balancing,
    local_reply,
    matcher_tree,
    matchers,
    metadata_match,
    metadata_value,
    overload,
    overrides,
    path_template,
    proxy_protocol_tlvs,
    rbac,
    redirect,
    retry,
    route,
    route_action,
    route_match,
    route_table,
    runtime,
    socket_options,
    substitution_format,
    token_bucket,
    transport_sockets,
    upgrades,
    upstream_protocol,
    virtual_host,
    weighted_clusters,
)
from lateen.proxy.compile import direct_response as direct
from lateen.proxy.compile import original_dst as original_dst_cluster
from lateen.proxy.compile.http_filters import (
    grpc_http1_bridge,
    grpc_http1_reverse_bridge,
    grpc_stats,
    grpc_web,
    header_mutation,
    on_demand,
    router,
)
from lateen.proxy.compile.listener_filters import (
    http_inspector,
    local_ratelimit,
    original_dst,
    proxy_protocol,
    tls_inspector,
)
from lateen.proxy.compile.network_filters import (
    connection_limit,
    direct_response,
    echo,
    http_connection_manager,
    rds,
    scoped_routes,
    set_filter_state,
    sni_cluster,
    tcp_proxy,
)
from lateen.proxy.compile.network_filters import local_ratelimit as network_local_ratelimit
from lateen.proxy.compile.network_filters import rbac as network_rbac
from lateen.proxy.compile.transport_sockets import certificates as transport_certificates
from lateen.proxy.compile.transport_sockets import downstream as transport_downstream
from lateen.proxy.compile.transport_sockets import parameters as transport_parameters
from lateen.proxy.compile.transport_sockets import proxy_protocol as transport_proxy_protocol
from lateen.proxy.compile.transport_sockets import upstream as transport_upstream
from lateen.proxy.compile.transport_sockets import validation as transport_validation

# Values and containers whose every field is read by whatever holds them.
COMMON: tuple[Fields, ...] = (
    whole("envoy.config.core.v3.CidrRange"),
    whole("envoy.config.core.v3.Locality"),
    Fields(
        "envoy.config.core.v3.Metadata",
        implemented="filter_metadata",
        harmless={"typed_filter_metadata": "no extension reads it"},
    ),
    whole("envoy.config.core.v3.RuntimeDouble"),
    whole("envoy.config.core.v3.RuntimeFractionalPercent"),
    whole("envoy.config.core.v3.RuntimeUInt32"),
    whole("envoy.config.core.v3.TypedExtensionConfig"),
    whole("envoy.type.v3.FractionalPercent"),
    whole("envoy.type.v3.Int64Range"),
    whole("envoy.type.v3.Percent"),
)

_MODULES = (
    access_log.SUPPORT,
    access_log_filter.SUPPORT,
    address.SUPPORT,
    bootstrap.SUPPORT,
    circuit_breakers.SUPPORT,
    cluster.SUPPORT,
    connection_limit.SUPPORT,
    control_plane.SUPPORT,
    data_source.SUPPORT,
    direct.SUPPORT,
    direct_response.SUPPORT,
    discovery.SUPPORT,
    dns.SUPPORT,
    echo.SUPPORT,
    endpoints.SUPPORT,
    filter_chain.SUPPORT,
    grpc_http1_bridge.SUPPORT,
    grpc_http1_reverse_bridge.SUPPORT,
    grpc_stats.SUPPORT,
    grpc_web.SUPPORT,
    header_mutation.SUPPORT,
    on_demand.SUPPORT,
    headers.SUPPORT,
    http1_options.SUPPORT,
    http2_options.SUPPORT,
    http_connection_manager.SUPPORT,
    http_inspector.SUPPORT,
    http_filter_chain.SUPPORT,
    listener.SUPPORT,
    listener_filter.SUPPORT,
    load_balancing.SUPPORT,
    local_ratelimit.SUPPORT,
    local_reply.SUPPORT,
    matcher_tree.SUPPORT,
    matchers.SUPPORT,
    metadata_match.SUPPORT,
    metadata_value.SUPPORT,
    network_local_ratelimit.SUPPORT,
    network_rbac.SUPPORT,
    original_dst.SUPPORT,
    original_dst_cluster.SUPPORT,
    overload.SUPPORT,
    overrides.SUPPORT,
    path_template.SUPPORT,
    proxy_protocol.SUPPORT,
    proxy_protocol_tlvs.SUPPORT,
    rbac.SUPPORT,
    rds.SUPPORT,
    redirect.SUPPORT,
    retry.SUPPORT,
    route.SUPPORT,
    route_action.SUPPORT,
    route_match.SUPPORT,
    route_table.SUPPORT,
    router.SUPPORT,
    runtime.SUPPORT,
    scoped_routes.SUPPORT,
    set_filter_state.SUPPORT,
    sni_cluster.SUPPORT,
    socket_options.SUPPORT,
    substitution_format.SUPPORT,
    tcp_proxy.SUPPORT,
    tls_inspector.SUPPORT,
    token_bucket.SUPPORT,
    transport_sockets.SUPPORT,
    transport_certificates.SUPPORT,
    transport_downstream.SUPPORT,
    transport_parameters.SUPPORT,
    transport_proxy_protocol.SUPPORT,
    transport_upstream.SUPPORT,
    transport_validation.SUPPORT,
    upgrades.SUPPORT,
    upstream_protocol.SUPPORT,
    virtual_host.SUPPORT,
    weighted_clusters.SUPPORT,
)


def support_table() -> SupportTable:
    """Every field and extension that is implemented."""
    entries = list(COMMON)
    for module in _MODULES:
        entries.extend(module)
    return SupportTable(entries)
