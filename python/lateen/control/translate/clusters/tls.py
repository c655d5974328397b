"""How a cluster speaks TLS: as a rule says, or mutual TLS where the mesh finds it out by itself.

Source: pilot/pkg/networking/core/cluster_tls.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.control.resources.destination_rule import ClientTls, ProxyProtocol
from lateen.control.translate import api
from lateen.control.translate.clusters.pools import speaks_http2
from lateen.control.translate.credentials import (
    IDENTITY,
    ROOTS,
    credential,
    credential_roots,
    file_certificate,
    file_roots,
    secret_config,
)
from lateen.control.translate.values import raw_buffer, struct

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3.base_pb2 import TransportSocket
    from envoy.extensions.transport_sockets.tls.v3.common_pb2 import TlsParameters
    from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext
    from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

_TLS = "envoy.transport_sockets.tls"
_PROXY = "envoy.transport_sockets.upstream_proxy_protocol"
_SYSTEM_ROOTS = "system"
_PEER, _EXCHANGE = "istio", "istio-peer-exchange"


@dataclass(frozen=True)
class Peers:
    """What is known of the endpoints of a cluster.

    Attributes:
        sni: what mutual TLS of the mesh calls it.
        accounts: identities that they may have, as `spiffe://` names; none: any of the mesh.
        mutual: whether mutual TLS is spoken with those that can, when no rule says anything.
        alternative_names: what certificates must have outside the mesh, when the rule says nothing.
        exchanges: whether connections may begin with who is at the other end.
    """

    sni: str
    accounts: Sequence[str] = ()
    mutual: bool = False
    alternative_names: Sequence[str] = ()
    exchanges: bool = False


def secure(
    cluster: Cluster, options: HttpProtocolOptions, tls: ClientTls | None, peers: Peers
) -> None:
    """Set the transport sockets of a cluster.

    Without a rule, endpoints that have a sidecar are called by mutual TLS, the others without TLS.
    """
    by_address = cluster.type == api.Cluster.ORIGINAL_DST
    if tls is None:
        if not peers.mutual:
            return
        socket = _mutual(options, peers, peers.accounts, peers.sni)
        if by_address:
            cluster.transport_socket.CopyFrom(socket)
        else:
            _match_mode(cluster, socket)
    elif tls.mode == "ISTIO_MUTUAL":
        names = tls.subject_alt_names or peers.accounts
        sni = tls.sni or peers.sni
        cluster.transport_socket.CopyFrom(_mutual(options, peers, names, sni))
    elif tls.mode != "DISABLE":
        cluster.transport_socket.CopyFrom(_originated(options, tls, peers))


def _match_mode(cluster: Cluster, socket: TransportSocket) -> None:
    for name, match, chosen in (
        ("tlsMode-istio", {"tlsMode": "istio"}, socket),
        ("tlsMode-disabled", {}, raw_buffer()),
    ):
        cluster.transport_socket_matches.add(
            name=name, match=struct({**match}), transport_socket=chosen
        )


def _mutual(
    options: HttpProtocolOptions, peers: Peers, names: Sequence[str], sni: str
) -> TransportSocket:
    """With the identity of the proxy, to peers of the mesh."""
    protocols = [*([_EXCHANGE] if peers.exchanges else []), _PEER]
    protocols += ["h2"] if speaks_http2(options) else []
    common = api.CommonTlsContext(
        tls_params=_versions(),
        tls_certificate_sds_secret_configs=[secret_config(IDENTITY)],
        alpn_protocols=protocols,
    )
    _validate(common, names, ROOTS)
    return _socket(common, sni)


def _originated(options: HttpProtocolOptions, tls: ClientTls, peers: Peers) -> TransportSocket:
    """As a rule says, to servers that know nothing of the mesh."""
    _set_automatic_names(options, tls)
    common = api.CommonTlsContext(tls_params=_versions())
    if tls.mode == "MUTUAL":
        own = credential(tls.credential_name) or file_certificate(
            tls.client_certificate, tls.private_key
        )
        if own:
            common.tls_certificate_sds_secret_configs.append(secret_config(own))
    if not tls.insecure_skip_verify:
        names = tls.subject_alt_names or tuple(peers.alternative_names)
        _validate(common, names, _roots(tls))
    if speaks_http2(options):
        common.alpn_protocols.append("h2")
    return _socket(common, tls.sni)


def _roots(tls: ClientTls) -> str:
    of_credential = credential_roots(tls.credential_name)
    return of_credential or file_roots(tls.ca_certificates or _SYSTEM_ROOTS)


def _set_automatic_names(options: HttpProtocolOptions, tls: ClientTls) -> None:
    """Without an SNI, the host of the request is that, and what the certificate must have."""
    if tls.sni:
        return
    upstream = options.upstream_http_protocol_options
    upstream.auto_sni = True
    if not tls.subject_alt_names and not tls.insecure_skip_verify:
        upstream.auto_san_validation = True


def _validate(common: CommonTlsContext, names: Sequence[str], roots: str) -> None:
    combined = common.combined_validation_context
    combined.default_validation_context.SetInParent()
    for name in names:
        combined.default_validation_context.match_subject_alt_names.add(exact=name)
    combined.validation_context_sds_secret_config.CopyFrom(secret_config(roots))


def _versions() -> TlsParameters:
    return api.TlsParameters(
        tls_minimum_protocol_version=api.TlsParameters.TLSv1_2,
        tls_maximum_protocol_version=api.TlsParameters.TLSv1_3,
    )


def _socket(common: CommonTlsContext, sni: str) -> TransportSocket:
    context = api.UpstreamTlsContext(common_tls_context=common, sni=sni)
    return api.TransportSocket(name=_TLS, typed_config=api.packed(context))


def announce(cluster: Cluster, protocol: ProxyProtocol | None) -> None:
    """Begin connections with a PROXY header where that is wanted."""
    if protocol is None:
        return
    sockets = [match.transport_socket for match in cluster.transport_socket_matches]
    if not sockets and not cluster.HasField("transport_socket"):
        cluster.transport_socket.CopyFrom(raw_buffer())
    if cluster.HasField("transport_socket"):
        sockets.append(cluster.transport_socket)
    versions = {"V1": api.ProxyProtocolConfig.V1, "V2": api.ProxyProtocolConfig.V2}
    for socket in sockets:
        outer = api.ProxyProtocolUpstreamTransport(
            config=api.ProxyProtocolConfig(version=versions[protocol.version]),
            transport_socket=socket,
        )
        socket.CopyFrom(api.TransportSocket(name=_PROXY, typed_config=api.packed(outer)))
