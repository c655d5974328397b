"""Channels to a cluster of the bootstrap, as `envoy_grpc` names one.

Source: envoy/config/core/v3/grpc_service.proto, GrpcService.EnvoyGrpc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.protos import UnknownTypeError, envoy_types
from lateen.proxy.xds.endpoints import Endpoints, Resolve
from lateen.proxy.xds.target import Option, TargetError, open_channel
from lateen.proxy.xds.upstream_tls import UpstreamTls

if TYPE_CHECKING:
    import random

    import grpc.aio
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3.grpc_service_pb2 import GrpcService
    from envoy.config.core.v3.protocol_pb2 import Http2ProtocolOptions
    from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_RAW_BUFFER = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
_DEFAULT_CONNECT_TIMEOUT_MS = 5000


class EnvoyGrpcChannels:
    """Opens channels to the endpoints of a cluster, one endpoint after the other.

    Raises:
        TargetError: the cluster has no endpoints of its own, or is reached in a way that is not
            there.
    """

    def __init__(
        self,
        config: GrpcService.EnvoyGrpc,
        cluster: Cluster,
        random: random.Random,
        resolve: Resolve | None,
    ) -> None:
        authority = config.authority or cluster.name
        self._endpoints = Endpoints(cluster, random, resolve)
        self._tls = tls_of(cluster)
        self._options: list[Option] = [
            ("grpc.default_authority", authority),
            ("grpc.max_receive_message_length", config.max_receive_message_length.value or -1),
            ("grpc.min_reconnect_backoff_ms", _connect_timeout_ms(cluster)),
            *_keepalive(_http2_options(cluster)),
        ]

    async def open(self) -> grpc.aio.Channel:
        """A channel to the next endpoint.

        Raises:
            TargetError: a certificate or key cannot be read.
        """
        endpoint = self._endpoints.next()
        if self._tls is None:
            return open_channel(endpoint.grpc_address, self._options, None)
        credentials, options = await self._tls.credentials(endpoint)
        return open_channel(endpoint.grpc_address, [*self._options, *options], credentials)


def tls_of(cluster: Cluster) -> UpstreamTls | None:
    """The TLS of a cluster's transport socket; None for plaintext.

    Raises:
        TargetError: it is of a kind that is not there.
    """
    if not cluster.HasField("transport_socket"):
        return None
    packed = cluster.transport_socket.typed_config
    try:
        config = envoy_types().unpack(packed)
    except (UnknownTypeError, ValueError) as error:
        raise TargetError(f"cluster '{cluster.name}': {error}") from None
    if config.DESCRIPTOR.full_name == _RAW_BUFFER:
        return None
    return UpstreamTls.of(config, cluster.name)


def _connect_timeout_ms(cluster: Cluster) -> int:
    if not cluster.HasField("connect_timeout"):
        return _DEFAULT_CONNECT_TIMEOUT_MS
    return max(100, int(cluster.connect_timeout.ToMilliseconds()))


def _http2_options(cluster: Cluster) -> Http2ProtocolOptions:
    packed = cluster.typed_extension_protocol_options.get(_HTTP_OPTIONS)
    if packed is None:
        return cluster.http2_protocol_options
    options = cast("HttpProtocolOptions", envoy_types().unpack(packed))
    return options.explicit_http_config.http2_protocol_options


def _keepalive(options: Http2ProtocolOptions) -> list[Option]:
    keepalive = options.connection_keepalive
    if not keepalive.HasField("interval"):
        return []
    found: list[Option] = [
        ("grpc.keepalive_time_ms", int(keepalive.interval.ToMilliseconds())),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    ]
    if keepalive.HasField("timeout"):
        found.append(("grpc.keepalive_timeout_ms", int(keepalive.timeout.ToMilliseconds())))
    return found
