"""The table of everything that the compile modules implement.

Source of docs/envoy-coverage.md; see lateen.config.support.
"""

from __future__ import annotations

from lateen.config.support import Fields, SupportTable, whole
from lateen.proxy.compile import (
    access_log,
    access_log_filter,
    address,
    authz_service,
    bootstrap,
    circuit_breakers,
    cluster,
    control_plane,
    cors_policy,
    custom_tags,
    data_source,
    direct_response,
    discovery,
    dns,
    dns_cache,
    endpoints,
    expressions,
    filter_chain,
    hash_policy,
    headers,
    health_check,
    http1_options,
    http2_options,
    http_filter_chain,
    internal_listener,
    internal_redirect,
    listener,
    listener_filter,
    load_balancing,
    local_reply,
    matcher_tree,
    matchers,
    metadata_match,
    metadata_value,
    mirror,
    mutation_rules,
    original_dst,
    outlier_detection,
    overload,
    overrides,
    path_template,
    proxy_protocol_tlvs,
    rate_limits,
    rbac,
    redirect,
    retry,
    route,
    route_action,
    route_match,
    route_table,
    runtime,
    service_client,
    socket_options,
    stats_sinks,
    substitution_format,
    token_bucket,
    transport_sockets,
    upgrades,
    upstream_protocol,
    virtual_host,
    weighted_clusters,
)
from lateen.proxy.compile.extensions import supported_fields
from lateen.proxy.compile.network_filters import rds, scoped_routes
from lateen.proxy.compile.transport_sockets import certificates as transport_certificates
from lateen.proxy.compile.transport_sockets import downstream as transport_downstream
from lateen.proxy.compile.transport_sockets import internal_upstream as transport_internal_upstream
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
    authz_service.SUPPORT,
    bootstrap.SUPPORT,
    circuit_breakers.SUPPORT,
    outlier_detection.SUPPORT,
    cluster.SUPPORT,
    control_plane.SUPPORT,
    cors_policy.SUPPORT,
    custom_tags.SUPPORT,
    data_source.SUPPORT,
    direct_response.SUPPORT,
    discovery.SUPPORT,
    dns.SUPPORT,
    dns_cache.SUPPORT,
    endpoints.SUPPORT,
    expressions.SUPPORT,
    filter_chain.SUPPORT,
    hash_policy.SUPPORT,
    headers.SUPPORT,
    health_check.SUPPORT,
    http1_options.SUPPORT,
    http2_options.SUPPORT,
    http_filter_chain.SUPPORT,
    internal_listener.SUPPORT,
    internal_redirect.SUPPORT,
    listener.SUPPORT,
    listener_filter.SUPPORT,
    load_balancing.SUPPORT,
    local_reply.SUPPORT,
    matcher_tree.SUPPORT,
    matchers.SUPPORT,
    mirror.SUPPORT,
    mutation_rules.SUPPORT,
    metadata_match.SUPPORT,
    metadata_value.SUPPORT,
    original_dst.SUPPORT,
    overload.SUPPORT,
    stats_sinks.SUPPORT,
    overrides.SUPPORT,
    path_template.SUPPORT,
    proxy_protocol_tlvs.SUPPORT,
    rate_limits.SUPPORT,
    rbac.SUPPORT,
    rds.SUPPORT,
    redirect.SUPPORT,
    retry.SUPPORT,
    route.SUPPORT,
    route_action.SUPPORT,
    route_match.SUPPORT,
    route_table.SUPPORT,
    runtime.SUPPORT,
    scoped_routes.SUPPORT,
    service_client.SUPPORT,
    socket_options.SUPPORT,
    substitution_format.SUPPORT,
    token_bucket.SUPPORT,
    transport_sockets.SUPPORT,
    transport_certificates.SUPPORT,
    transport_downstream.SUPPORT,
    transport_parameters.SUPPORT,
    transport_internal_upstream.SUPPORT,
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
    entries = [*COMMON, *supported_fields()]
    for module in _MODULES:
        entries.extend(module)
    return SupportTable(entries)
