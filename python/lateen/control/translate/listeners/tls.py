"""Mutual TLS to peers of the mesh.

Source: pilot/pkg/security/authn/utils/utils.go BuildInboundTLS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.control.mesh_config import MeshConfig
from lateen.control.translate import api
from lateen.control.translate.credentials import IDENTITY, ROOTS, secret_config

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import TransportSocket

# Istio's but for those without forward secrecy, which not every proxy has: peers never need them.
_CIPHERS = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
)
HTTP_ALPN = ("h2", "http/1.1")
EXCHANGE = "istio-peer-exchange"


def peer_socket(config: MeshConfig, *, exchanges: bool) -> TransportSocket:
    """Ends mutual TLS: callers have a certificate of the mesh, or of an aliased trust domain.

    Args:
        exchanges: whether connections begin with who is at the other end, if the caller agrees.
    """
    context = api.DownstreamTlsContext()
    context.require_client_certificate.value = True
    common = context.common_tls_context
    common.alpn_protocols.extend((EXCHANGE, *HTTP_ALPN) if exchanges else HTTP_ALPN)
    common.tls_params.cipher_suites.extend(_CIPHERS)
    common.tls_params.tls_minimum_protocol_version = api.TlsParameters.TLSv1_2
    common.tls_params.tls_maximum_protocol_version = api.TlsParameters.TLSv1_3
    common.tls_certificate_sds_secret_configs.append(secret_config(IDENTITY))
    combined = common.combined_validation_context
    combined.default_validation_context.SetInParent()
    if config.trust_domain_aliases:
        for domain in (config.trust_domain, *config.trust_domain_aliases):
            combined.default_validation_context.match_subject_alt_names.add(
                prefix=f"spiffe://{domain}/"
            )
    combined.validation_context_sds_secret_config.CopyFrom(secret_config(ROOTS))
    return api.TransportSocket(name="envoy.transport_sockets.tls", typed_config=api.packed(context))
