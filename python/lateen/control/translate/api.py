"""Envoy's messages by short names, as the translation builds them.

They are of the private descriptor pool, and made when they are first used: write
`api.Cluster(...)`, not `from ... import Cluster`. A type checker sees Envoy's own modules.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lateen.protos import envoy_types

if TYPE_CHECKING:
    from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog as AccessLog
    from envoy.config.accesslog.v3.accesslog_pb2 import AccessLogFilter as AccessLogFilter
    from envoy.config.cluster.v3 import cluster_pb2 as _cluster
    from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers as CircuitBreakers
    from envoy.config.cluster.v3.cluster_pb2 import Cluster as Cluster
    from envoy.config.cluster.v3.outlier_detection_pb2 import OutlierDetection as OutlierDetection
    from envoy.config.core.v3 import config_source_pb2 as _config_source
    from envoy.config.core.v3.address_pb2 import Address as Address
    from envoy.config.core.v3.address_pb2 import CidrRange as CidrRange
    from envoy.config.core.v3.address_pb2 import Pipe as Pipe
    from envoy.config.core.v3.address_pb2 import SocketAddress as SocketAddress
    from envoy.config.core.v3.address_pb2 import TcpKeepalive as TcpKeepalive
    from envoy.config.core.v3.base_pb2 import HeaderValue as HeaderValue
    from envoy.config.core.v3.base_pb2 import HeaderValueOption as HeaderValueOption
    from envoy.config.core.v3.base_pb2 import Locality as Locality
    from envoy.config.core.v3.base_pb2 import RuntimeDouble as RuntimeDouble
    from envoy.config.core.v3.base_pb2 import TransportSocket as TransportSocket
    from envoy.config.core.v3.config_source_pb2 import ApiConfigSource as ApiConfigSource
    from envoy.config.core.v3.config_source_pb2 import ConfigSource as ConfigSource
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig as TypedExtensionConfig
    from envoy.config.core.v3.grpc_service_pb2 import GrpcService as GrpcService
    from envoy.config.core.v3.proxy_protocol_pb2 import ProxyProtocolConfig as ProxyProtocolConfig
    from envoy.config.core.v3.substitution_format_string_pb2 import (
        SubstitutionFormatString as SubstitutionFormatString,
    )
    from envoy.config.endpoint.v3 import endpoint_pb2 as _endpoint
    from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint as Endpoint
    from envoy.config.endpoint.v3.endpoint_components_pb2 import LbEndpoint as LbEndpoint
    from envoy.config.listener.v3 import listener_components_pb2 as _listener
    from envoy.config.listener.v3.listener_components_pb2 import FilterChain as FilterChain
    from envoy.config.listener.v3.listener_components_pb2 import ListenerFilter as ListenerFilter
    from envoy.config.listener.v3.listener_pb2 import Listener as Listener
    from envoy.config.rbac.v3 import rbac_pb2 as _rbac
    from envoy.config.rbac.v3.rbac_pb2 import Permission as Permission
    from envoy.config.rbac.v3.rbac_pb2 import Policy as Policy
    from envoy.config.rbac.v3.rbac_pb2 import Principal as Principal
    from envoy.config.route.v3 import route_components_pb2 as _route_route_components
    from envoy.config.route.v3.route_components_pb2 import HeaderMatcher as HeaderMatcher
    from envoy.config.route.v3.route_components_pb2 import RedirectAction as RedirectAction
    from envoy.config.route.v3.route_components_pb2 import RetryPolicy as RetryPolicy
    from envoy.config.route.v3.route_components_pb2 import Route as Route
    from envoy.config.route.v3.route_components_pb2 import RouteAction as RouteAction
    from envoy.config.route.v3.route_components_pb2 import RouteMatch as RouteMatch
    from envoy.config.route.v3.route_components_pb2 import VirtualHost as VirtualHost
    from envoy.config.route.v3.route_pb2 import RouteConfiguration as RouteConfiguration
    from envoy.config.trace.v3.opentelemetry_pb2 import OpenTelemetryConfig as OpenTelemetryConfig
    from envoy.config.trace.v3.zipkin_pb2 import ZipkinConfig as ZipkinConfig
    from envoy.extensions.access_loggers.file.v3.file_pb2 import FileAccessLog as FileAccessLog
    from envoy.extensions.access_loggers.filters.cel.v3.cel_pb2 import (
        ExpressionFilter as ExpressionFilter,
    )
    from envoy.extensions.access_loggers.grpc.v3 import als_pb2 as _als
    from envoy.extensions.access_loggers.open_telemetry.v3 import logs_service_pb2 as _otel_logs
    from envoy.extensions.clusters.dynamic_forward_proxy.v3 import cluster_pb2 as _forward_proxy
    from envoy.extensions.common.dynamic_forward_proxy.v3.dns_cache_pb2 import (
        DnsCacheConfig as DnsCacheConfig,
    )
    from envoy.extensions.filters.common.fault.v3.fault_pb2 import FaultDelay as FaultDelay
    from envoy.extensions.filters.http.cors.v3.cors_pb2 import Cors as Cors
    from envoy.extensions.filters.http.cors.v3.cors_pb2 import CorsPolicy as CorsPolicy
    from envoy.extensions.filters.http.dynamic_forward_proxy.v3 import (
        dynamic_forward_proxy_pb2 as _forward_proxy_filter,
    )
    from envoy.extensions.filters.http.ext_authz.v3 import ext_authz_pb2 as _http_ext_authz
    from envoy.extensions.filters.http.fault.v3 import fault_pb2 as _fault_fault
    from envoy.extensions.filters.http.grpc_stats.v3 import config_pb2 as _grpc_stats_config
    from envoy.extensions.filters.http.grpc_web.v3.grpc_web_pb2 import GrpcWeb as GrpcWeb
    from envoy.extensions.filters.http.jwt_authn.v3 import config_pb2 as _jwt_authn_config
    from envoy.extensions.filters.http.jwt_authn.v3.config_pb2 import JwtProvider as JwtProvider
    from envoy.extensions.filters.http.rbac.v3 import rbac_pb2 as _http_rbac
    from envoy.extensions.filters.http.router.v3.router_pb2 import Router as Router
    from envoy.extensions.filters.listener.http_inspector.v3 import (
        http_inspector_pb2 as _http_inspector_http_inspector,
    )
    from envoy.extensions.filters.listener.original_dst.v3 import (
        original_dst_pb2 as _original_dst_original_dst,
    )
    from envoy.extensions.filters.listener.proxy_protocol.v3 import (
        proxy_protocol_pb2 as _listener_proxy_protocol,
    )
    from envoy.extensions.filters.listener.tls_inspector.v3 import (
        tls_inspector_pb2 as _tls_inspector_tls_inspector,
    )
    from envoy.extensions.filters.network.ext_authz.v3 import ext_authz_pb2 as _net_ext_authz
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as _hcm,
    )
    from envoy.extensions.filters.network.rbac.v3 import rbac_pb2 as _network_rbac
    from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy as TcpProxy
    from envoy.extensions.path.match.uri_template.v3 import uri_template_match_pb2 as _uri
    from envoy.extensions.retry.host.previous_hosts.v3 import (
        previous_hosts_pb2 as _previous_hosts_previous_hosts,
    )
    from envoy.extensions.retry.priority.previous_priorities.v3 import (
        previous_priorities_config_pb2 as _previous_priorities_previous_priorities_config,
    )
    from envoy.extensions.tracers.opentelemetry.resource_detectors.v3 import (
        environment_resource_detector_pb2 as _environment,
    )
    from envoy.extensions.transport_sockets.proxy_protocol.v3 import (
        upstream_proxy_protocol_pb2 as _upstream_proxy_protocol,
    )
    from envoy.extensions.transport_sockets.raw_buffer.v3 import raw_buffer_pb2 as _raw_buffer
    from envoy.extensions.transport_sockets.tls.v3 import common_pb2 as _common
    from envoy.extensions.transport_sockets.tls.v3 import secret_pb2 as _secret
    from envoy.extensions.transport_sockets.tls.v3 import tls_pb2 as _tls
    from envoy.extensions.transport_sockets.tls.v3.common_pb2 import TlsParameters as TlsParameters
    from envoy.extensions.upstreams.http.v3 import (
        http_protocol_options_pb2 as _http_protocol_options,
    )
    from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher as MetadataMatcher
    from envoy.type.matcher.v3.path_pb2 import PathMatcher as PathMatcher
    from envoy.type.matcher.v3.regex_pb2 import RegexMatcher as RegexMatcher
    from envoy.type.matcher.v3.string_pb2 import ListStringMatcher as ListStringMatcher
    from envoy.type.matcher.v3.string_pb2 import StringMatcher as StringMatcher
    from envoy.type.matcher.v3.value_pb2 import ListMatcher as ListMatcher
    from envoy.type.matcher.v3.value_pb2 import OrMatcher as OrMatcher
    from envoy.type.matcher.v3.value_pb2 import ValueMatcher as ValueMatcher
    from envoy.type.tracing.v3.custom_tag_pb2 import CustomTag as CustomTag
    from envoy.type.v3.percent_pb2 import FractionalPercent as FractionalPercent
    from envoy.type.v3.percent_pb2 import Percent as Percent
    from google.protobuf.any_pb2 import Any as Any
    from google.protobuf.duration_pb2 import Duration as Duration
    from google.protobuf.message import Message
    from google.protobuf.struct_pb2 import Struct as Struct
    from google.protobuf.wrappers_pb2 import UInt32Value as UInt32Value
    from xds.type.v3.typed_struct_pb2 import TypedStruct as TypedStruct

    CommonGrpcAccessLogConfig = _als.CommonGrpcAccessLogConfig
    HttpGrpcAccessLogConfig = _als.HttpGrpcAccessLogConfig
    TcpGrpcAccessLogConfig = _als.TcpGrpcAccessLogConfig
    OpenTelemetryAccessLogConfig = _otel_logs.OpenTelemetryAccessLogConfig
    EnvironmentResourceDetectorConfig = _environment.EnvironmentResourceDetectorConfig
    HttpExtAuthz = _http_ext_authz.ExtAuthz
    NetworkExtAuthz = _net_ext_authz.ExtAuthz
    Tracing = _hcm.HttpConnectionManager.Tracing
    ForwardProxyCluster = _forward_proxy.ClusterConfig
    ForwardProxyFilter = _forward_proxy_filter.FilterConfig
    HttpFilter = _hcm.HttpFilter
    JwtAuthentication = _jwt_authn_config.JwtAuthentication
    JwtRequirement = _jwt_authn_config.JwtRequirement
    JwtRequirementOrList = _jwt_authn_config.JwtRequirementOrList
    JwtRequirementAndList = _jwt_authn_config.JwtRequirementAndList
    DirectResponseAction = _route_route_components.DirectResponseAction
    QueryParameterMatcher = _route_route_components.QueryParameterMatcher
    HttpFault = _fault_fault.HTTPFault
    PreviousHosts = _previous_hosts_previous_hosts.PreviousHostsPredicate
    PreviousPriorities = _previous_priorities_previous_priorities_config.PreviousPrioritiesConfig
    FilterChainMatch = _listener.FilterChainMatch
    HttpConnectionManager = _hcm.HttpConnectionManager
    Rds = _hcm.Rds
    GrpcStats = _grpc_stats_config.FilterConfig
    TlsInspector = _tls_inspector_tls_inspector.TlsInspector
    HttpInspector = _http_inspector_http_inspector.HttpInspector
    ProxyProtocol = _listener_proxy_protocol.ProxyProtocol
    OriginalDst = _original_dst_original_dst.OriginalDst
    DownstreamTlsContext = _tls.DownstreamTlsContext
    AggregatedConfigSource = _config_source.AggregatedConfigSource
    ClusterLoadAssignment = _endpoint.ClusterLoadAssignment
    UpstreamConnectionOptions = _cluster.UpstreamConnectionOptions
    CommonTlsContext = _tls.CommonTlsContext
    UpstreamTlsContext = _tls.UpstreamTlsContext
    CertificateValidationContext = _common.CertificateValidationContext
    SdsSecretConfig = _secret.SdsSecretConfig
    Secret = _secret.Secret
    TlsCertificate = _common.TlsCertificate
    RawBuffer = _raw_buffer.RawBuffer
    ProxyProtocolUpstreamTransport = _upstream_proxy_protocol.ProxyProtocolUpstreamTransport
    UpstreamProtocols = _http_protocol_options.HttpProtocolOptions
    HttpRbac = _http_rbac.RBAC
    NetworkFilter = _listener.Filter
    NetworkRbac = _network_rbac.RBAC
    Rbac = _rbac.RBAC
    UriTemplateMatchConfig = _uri.UriTemplateMatchConfig

_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3"
_PRIORITIES = "envoy.extensions.retry.priority.previous_priorities.v3"
_SOCKETS = "envoy.extensions.transport_sockets"
_LOGGERS = "envoy.extensions.access_loggers"
_DETECTORS = "envoy.extensions.tracers.opentelemetry.resource_detectors.v3"
_NAMES = {
    "AccessLog": "envoy.config.accesslog.v3.AccessLog",
    "AccessLogFilter": "envoy.config.accesslog.v3.AccessLogFilter",
    "Address": "envoy.config.core.v3.Address",
    "AggregatedConfigSource": "envoy.config.core.v3.AggregatedConfigSource",
    "Any": "google.protobuf.Any",
    "ApiConfigSource": "envoy.config.core.v3.ApiConfigSource",
    "CertificateValidationContext": f"{_SOCKETS}.tls.v3.CertificateValidationContext",
    "CidrRange": "envoy.config.core.v3.CidrRange",
    "CircuitBreakers": "envoy.config.cluster.v3.CircuitBreakers",
    "Cluster": "envoy.config.cluster.v3.Cluster",
    "ClusterLoadAssignment": "envoy.config.endpoint.v3.ClusterLoadAssignment",
    "CommonGrpcAccessLogConfig": f"{_LOGGERS}.grpc.v3.CommonGrpcAccessLogConfig",
    "CommonTlsContext": "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext",
    "ConfigSource": "envoy.config.core.v3.ConfigSource",
    "Cors": "envoy.extensions.filters.http.cors.v3.Cors",
    "CorsPolicy": "envoy.extensions.filters.http.cors.v3.CorsPolicy",
    "CustomTag": "envoy.type.tracing.v3.CustomTag",
    "DirectResponseAction": "envoy.config.route.v3.DirectResponseAction",
    "DnsCacheConfig": "envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig",
    "DownstreamTlsContext": "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
    "Duration": "google.protobuf.Duration",
    "Endpoint": "envoy.config.endpoint.v3.Endpoint",
    "EnvironmentResourceDetectorConfig": f"{_DETECTORS}.EnvironmentResourceDetectorConfig",
    "ExpressionFilter": f"{_LOGGERS}.filters.cel.v3.ExpressionFilter",
    "FaultDelay": "envoy.extensions.filters.common.fault.v3.FaultDelay",
    "FileAccessLog": f"{_LOGGERS}.file.v3.FileAccessLog",
    "FilterChain": "envoy.config.listener.v3.FilterChain",
    "FilterChainMatch": "envoy.config.listener.v3.FilterChainMatch",
    "ForwardProxyCluster": "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig",
    "ForwardProxyFilter": "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig",
    "FractionalPercent": "envoy.type.v3.FractionalPercent",
    "GrpcService": "envoy.config.core.v3.GrpcService",
    "GrpcStats": "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig",
    "GrpcWeb": "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb",
    "HeaderMatcher": "envoy.config.route.v3.HeaderMatcher",
    "HeaderValue": "envoy.config.core.v3.HeaderValue",
    "HeaderValueOption": "envoy.config.core.v3.HeaderValueOption",
    "HttpConnectionManager": f"{_MANAGER}.HttpConnectionManager",
    "HttpExtAuthz": "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
    "HttpFault": "envoy.extensions.filters.http.fault.v3.HTTPFault",
    "HttpFilter": f"{_MANAGER}.HttpFilter",
    "HttpGrpcAccessLogConfig": f"{_LOGGERS}.grpc.v3.HttpGrpcAccessLogConfig",
    "HttpInspector": "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector",
    "HttpRbac": "envoy.extensions.filters.http.rbac.v3.RBAC",
    "JwtAuthentication": "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
    "JwtProvider": "envoy.extensions.filters.http.jwt_authn.v3.JwtProvider",
    "JwtRequirement": "envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement",
    "JwtRequirementAndList": "envoy.extensions.filters.http.jwt_authn.v3.JwtRequirementAndList",
    "JwtRequirementOrList": "envoy.extensions.filters.http.jwt_authn.v3.JwtRequirementOrList",
    "LbEndpoint": "envoy.config.endpoint.v3.LbEndpoint",
    "ListMatcher": "envoy.type.matcher.v3.ListMatcher",
    "ListStringMatcher": "envoy.type.matcher.v3.ListStringMatcher",
    "Listener": "envoy.config.listener.v3.Listener",
    "ListenerFilter": "envoy.config.listener.v3.ListenerFilter",
    "Locality": "envoy.config.core.v3.Locality",
    "MetadataMatcher": "envoy.type.matcher.v3.MetadataMatcher",
    "NetworkExtAuthz": "envoy.extensions.filters.network.ext_authz.v3.ExtAuthz",
    "NetworkFilter": "envoy.config.listener.v3.Filter",
    "NetworkRbac": "envoy.extensions.filters.network.rbac.v3.RBAC",
    "OpenTelemetryAccessLogConfig": f"{_LOGGERS}.open_telemetry.v3.OpenTelemetryAccessLogConfig",
    "OpenTelemetryConfig": "envoy.config.trace.v3.OpenTelemetryConfig",
    "OrMatcher": "envoy.type.matcher.v3.OrMatcher",
    "OriginalDst": "envoy.extensions.filters.listener.original_dst.v3.OriginalDst",
    "OutlierDetection": "envoy.config.cluster.v3.OutlierDetection",
    "PathMatcher": "envoy.type.matcher.v3.PathMatcher",
    "Percent": "envoy.type.v3.Percent",
    "Permission": "envoy.config.rbac.v3.Permission",
    "Pipe": "envoy.config.core.v3.Pipe",
    "Policy": "envoy.config.rbac.v3.Policy",
    "PreviousHosts": "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
    "PreviousPriorities": f"{_PRIORITIES}.PreviousPrioritiesConfig",
    "Principal": "envoy.config.rbac.v3.Principal",
    "ProxyProtocol": "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
    "ProxyProtocolConfig": "envoy.config.core.v3.ProxyProtocolConfig",
    "ProxyProtocolUpstreamTransport": (
        f"{_SOCKETS}.proxy_protocol.v3.ProxyProtocolUpstreamTransport"
    ),
    "QueryParameterMatcher": "envoy.config.route.v3.QueryParameterMatcher",
    "RawBuffer": "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
    "Rbac": "envoy.config.rbac.v3.RBAC",
    "Rds": f"{_MANAGER}.Rds",
    "RedirectAction": "envoy.config.route.v3.RedirectAction",
    "RegexMatcher": "envoy.type.matcher.v3.RegexMatcher",
    "RetryPolicy": "envoy.config.route.v3.RetryPolicy",
    "Route": "envoy.config.route.v3.Route",
    "RouteAction": "envoy.config.route.v3.RouteAction",
    "RouteConfiguration": "envoy.config.route.v3.RouteConfiguration",
    "RouteMatch": "envoy.config.route.v3.RouteMatch",
    "Router": "envoy.extensions.filters.http.router.v3.Router",
    "RuntimeDouble": "envoy.config.core.v3.RuntimeDouble",
    "SdsSecretConfig": "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig",
    "Secret": f"{_SOCKETS}.tls.v3.Secret",
    "SocketAddress": "envoy.config.core.v3.SocketAddress",
    "StringMatcher": "envoy.type.matcher.v3.StringMatcher",
    "Struct": "google.protobuf.Struct",
    "SubstitutionFormatString": "envoy.config.core.v3.SubstitutionFormatString",
    "TcpGrpcAccessLogConfig": f"{_LOGGERS}.grpc.v3.TcpGrpcAccessLogConfig",
    "TcpKeepalive": "envoy.config.core.v3.TcpKeepalive",
    "TcpProxy": "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
    "TlsCertificate": f"{_SOCKETS}.tls.v3.TlsCertificate",
    "TlsInspector": "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
    "TlsParameters": "envoy.extensions.transport_sockets.tls.v3.TlsParameters",
    "Tracing": f"{_MANAGER}.HttpConnectionManager.Tracing",
    "TransportSocket": "envoy.config.core.v3.TransportSocket",
    "TypedExtensionConfig": "envoy.config.core.v3.TypedExtensionConfig",
    "TypedStruct": "xds.type.v3.TypedStruct",
    "UInt32Value": "google.protobuf.UInt32Value",
    "UpstreamConnectionOptions": "envoy.config.cluster.v3.UpstreamConnectionOptions",
    "UpstreamProtocols": "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    "UpstreamTlsContext": "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    "UriTemplateMatchConfig": "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
    "ValueMatcher": "envoy.type.matcher.v3.ValueMatcher",
    "VirtualHost": "envoy.config.route.v3.VirtualHost",
    "ZipkinConfig": "envoy.config.trace.v3.ZipkinConfig",
}

if not TYPE_CHECKING:

    def __getattr__(name):  # noqa: ANN001, ANN202 - a checker sees the imports above
        if name not in _NAMES:
            raise AttributeError(name)
        found = globals()[name] = envoy_types().message_class(_NAMES[name])
        return found


def packed(message: Message) -> Any:
    """The message in an Any; equal messages have equal bytes."""
    made: Any = sys.modules[__name__].Any(
        type_url=f"type.googleapis.com/{message.DESCRIPTOR.full_name}",
        value=message.SerializeToString(deterministic=True),
    )
    return made
