"""Envoy's messages by short names, as the translation builds them.

They are of the private descriptor pool, and made when they are first used: write
`api.Cluster(...)`, not `from ... import Cluster`. A type checker sees Envoy's own modules.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lateen.protos import envoy_types

if TYPE_CHECKING:
    from envoy.config.cluster.v3 import cluster_pb2 as _cluster
    from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers as CircuitBreakers
    from envoy.config.cluster.v3.cluster_pb2 import Cluster as Cluster
    from envoy.config.cluster.v3.outlier_detection_pb2 import OutlierDetection as OutlierDetection
    from envoy.config.core.v3 import config_source_pb2 as _config_source
    from envoy.config.core.v3 import protocol_pb2 as _protocol
    from envoy.config.core.v3.address_pb2 import Address as Address
    from envoy.config.core.v3.address_pb2 import BindConfig as BindConfig
    from envoy.config.core.v3.address_pb2 import CidrRange as CidrRange
    from envoy.config.core.v3.address_pb2 import Pipe as Pipe
    from envoy.config.core.v3.address_pb2 import SocketAddress as SocketAddress
    from envoy.config.core.v3.address_pb2 import TcpKeepalive as TcpKeepalive
    from envoy.config.core.v3.base_pb2 import Locality as Locality
    from envoy.config.core.v3.base_pb2 import Metadata as Metadata
    from envoy.config.core.v3.base_pb2 import RuntimeDouble as RuntimeDouble
    from envoy.config.core.v3.base_pb2 import TransportSocket as TransportSocket
    from envoy.config.core.v3.config_source_pb2 import ConfigSource as ConfigSource
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig as TypedExtensionConfig
    from envoy.config.core.v3.protocol_pb2 import Http1ProtocolOptions as Http1ProtocolOptions
    from envoy.config.core.v3.protocol_pb2 import Http2ProtocolOptions as Http2ProtocolOptions
    from envoy.config.core.v3.protocol_pb2 import HttpProtocolOptions as HttpProtocolOptions
    from envoy.config.core.v3.protocol_pb2 import KeepaliveSettings as KeepaliveSettings
    from envoy.config.core.v3.proxy_protocol_pb2 import ProxyProtocolConfig as ProxyProtocolConfig
    from envoy.config.endpoint.v3 import endpoint_components_pb2 as _endpoint_components
    from envoy.config.endpoint.v3 import endpoint_pb2 as _endpoint
    from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint as Endpoint
    from envoy.config.endpoint.v3.endpoint_components_pb2 import LbEndpoint as LbEndpoint
    from envoy.config.listener.v3 import listener_components_pb2 as _listener
    from envoy.config.rbac.v3 import rbac_pb2 as _rbac
    from envoy.config.rbac.v3.rbac_pb2 import Permission as Permission
    from envoy.config.rbac.v3.rbac_pb2 import Policy as Policy
    from envoy.config.rbac.v3.rbac_pb2 import Principal as Principal
    from envoy.config.route.v3.route_components_pb2 import HeaderMatcher as HeaderMatcher
    from envoy.extensions.filters.http.rbac.v3 import rbac_pb2 as _http_rbac
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as _hcm,
    )
    from envoy.extensions.filters.network.rbac.v3 import rbac_pb2 as _network_rbac
    from envoy.extensions.path.match.uri_template.v3 import uri_template_match_pb2 as _uri
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
    from envoy.type.matcher.v3.string_pb2 import StringMatcher as StringMatcher
    from envoy.type.matcher.v3.value_pb2 import ListMatcher as ListMatcher
    from envoy.type.matcher.v3.value_pb2 import OrMatcher as OrMatcher
    from envoy.type.matcher.v3.value_pb2 import ValueMatcher as ValueMatcher
    from envoy.type.v3.percent_pb2 import Percent as Percent
    from google.protobuf.any_pb2 import Any as Any
    from google.protobuf.duration_pb2 import Duration as Duration
    from google.protobuf.message import Message
    from google.protobuf.struct_pb2 import Struct as Struct
    from google.protobuf.wrappers_pb2 import UInt32Value as UInt32Value
    from google.protobuf.wrappers_pb2 import UInt64Value as UInt64Value

    HttpFilter = _hcm.HttpFilter
    AggregatedConfigSource = _config_source.AggregatedConfigSource
    ClusterLoadAssignment = _endpoint.ClusterLoadAssignment
    LocalityLbEndpoints = _endpoint_components.LocalityLbEndpoints
    UpstreamConnectionOptions = _cluster.UpstreamConnectionOptions
    UpstreamHttpProtocolOptions = _protocol.UpstreamHttpProtocolOptions
    CommonTlsContext = _tls.CommonTlsContext
    UpstreamTlsContext = _tls.UpstreamTlsContext
    CertificateValidationContext = _common.CertificateValidationContext
    SdsSecretConfig = _secret.SdsSecretConfig
    RawBuffer = _raw_buffer.RawBuffer
    ProxyProtocolUpstreamTransport = _upstream_proxy_protocol.ProxyProtocolUpstreamTransport
    UpstreamProtocols = _http_protocol_options.HttpProtocolOptions
    HttpRbac = _http_rbac.RBAC
    NetworkFilter = _listener.Filter
    NetworkRbac = _network_rbac.RBAC
    Rbac = _rbac.RBAC
    UriTemplateMatchConfig = _uri.UriTemplateMatchConfig

_SOCKETS = "envoy.extensions.transport_sockets"
_NAMES = {
    "Address": "envoy.config.core.v3.Address",
    "AggregatedConfigSource": "envoy.config.core.v3.AggregatedConfigSource",
    "Any": "google.protobuf.Any",
    "BindConfig": "envoy.config.core.v3.BindConfig",
    "CertificateValidationContext": f"{_SOCKETS}.tls.v3.CertificateValidationContext",
    "CidrRange": "envoy.config.core.v3.CidrRange",
    "CircuitBreakers": "envoy.config.cluster.v3.CircuitBreakers",
    "Cluster": "envoy.config.cluster.v3.Cluster",
    "ClusterLoadAssignment": "envoy.config.endpoint.v3.ClusterLoadAssignment",
    "CommonTlsContext": "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext",
    "ConfigSource": "envoy.config.core.v3.ConfigSource",
    "Duration": "google.protobuf.Duration",
    "Endpoint": "envoy.config.endpoint.v3.Endpoint",
    "HeaderMatcher": "envoy.config.route.v3.HeaderMatcher",
    "Http1ProtocolOptions": "envoy.config.core.v3.Http1ProtocolOptions",
    "Http2ProtocolOptions": "envoy.config.core.v3.Http2ProtocolOptions",
    "HttpFilter": "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
    "HttpProtocolOptions": "envoy.config.core.v3.HttpProtocolOptions",
    "HttpRbac": "envoy.extensions.filters.http.rbac.v3.RBAC",
    "KeepaliveSettings": "envoy.config.core.v3.KeepaliveSettings",
    "LbEndpoint": "envoy.config.endpoint.v3.LbEndpoint",
    "ListMatcher": "envoy.type.matcher.v3.ListMatcher",
    "Locality": "envoy.config.core.v3.Locality",
    "LocalityLbEndpoints": "envoy.config.endpoint.v3.LocalityLbEndpoints",
    "Metadata": "envoy.config.core.v3.Metadata",
    "MetadataMatcher": "envoy.type.matcher.v3.MetadataMatcher",
    "NetworkFilter": "envoy.config.listener.v3.Filter",
    "NetworkRbac": "envoy.extensions.filters.network.rbac.v3.RBAC",
    "OrMatcher": "envoy.type.matcher.v3.OrMatcher",
    "OutlierDetection": "envoy.config.cluster.v3.OutlierDetection",
    "PathMatcher": "envoy.type.matcher.v3.PathMatcher",
    "Percent": "envoy.type.v3.Percent",
    "Permission": "envoy.config.rbac.v3.Permission",
    "Pipe": "envoy.config.core.v3.Pipe",
    "Policy": "envoy.config.rbac.v3.Policy",
    "Principal": "envoy.config.rbac.v3.Principal",
    "ProxyProtocolConfig": "envoy.config.core.v3.ProxyProtocolConfig",
    "ProxyProtocolUpstreamTransport": (
        f"{_SOCKETS}.proxy_protocol.v3.ProxyProtocolUpstreamTransport"
    ),
    "RawBuffer": "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
    "Rbac": "envoy.config.rbac.v3.RBAC",
    "RegexMatcher": "envoy.type.matcher.v3.RegexMatcher",
    "RuntimeDouble": "envoy.config.core.v3.RuntimeDouble",
    "SdsSecretConfig": "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig",
    "SocketAddress": "envoy.config.core.v3.SocketAddress",
    "StringMatcher": "envoy.type.matcher.v3.StringMatcher",
    "Struct": "google.protobuf.Struct",
    "TcpKeepalive": "envoy.config.core.v3.TcpKeepalive",
    "TlsParameters": "envoy.extensions.transport_sockets.tls.v3.TlsParameters",
    "TransportSocket": "envoy.config.core.v3.TransportSocket",
    "TypedExtensionConfig": "envoy.config.core.v3.TypedExtensionConfig",
    "UInt32Value": "google.protobuf.UInt32Value",
    "UInt64Value": "google.protobuf.UInt64Value",
    "UpstreamConnectionOptions": "envoy.config.cluster.v3.UpstreamConnectionOptions",
    "UpstreamHttpProtocolOptions": "envoy.config.core.v3.UpstreamHttpProtocolOptions",
    "UpstreamProtocols": "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    "UpstreamTlsContext": "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    "UriTemplateMatchConfig": "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
    "ValueMatcher": "envoy.type.matcher.v3.ValueMatcher",
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
