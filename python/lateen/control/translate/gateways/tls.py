"""How a server of a Gateway ends TLS.

Source: pilot/pkg/networking/core/listener.go BuildListenerTLSContext,
pilot/pkg/security/model/authentication.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.control.resources.ciphers import is_cipher
from lateen.control.resources.traffic import ServerTls
from lateen.control.translate import api
from lateen.control.translate.credentials import (
    IDENTITY,
    ROOTS,
    credential,
    credential_roots,
    file_certificate,
    file_roots,
    secret_config,
)
from lateen.control.translate.listeners.tls import EXCHANGE, HTTP_ALPN

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import TransportSocket
    from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext

_CLIENTS_SHOW_ONE = ("MUTUAL", "ISTIO_MUTUAL")
_CLIENTS_ARE_VERIFIED = (*_CLIENTS_SHOW_ONE, "OPTIONAL_MUTUAL")


def server_socket(tls: ServerTls, *, exchanges: bool) -> TransportSocket:
    """Ends TLS as a server says.

    Args:
        exchanges: whether connections begin with who is at the other end, if the caller agrees.
    """
    context = api.DownstreamTlsContext()
    context.require_client_certificate.value = tls.mode in _CLIENTS_SHOW_ONE
    common = context.common_tls_context
    common.alpn_protocols.extend((EXCHANGE, *HTTP_ALPN) if exchanges else HTTP_ALPN)
    for name in certificates(tls):
        common.tls_certificate_sds_secret_configs.append(secret_config(name))
    if tls.mode in _CLIENTS_ARE_VERIFIED:
        _verify_clients(common, tls)
    if tls.mode != "ISTIO_MUTUAL":
        _limit(common, tls)
    return api.TransportSocket(name="envoy.transport_sockets.tls", typed_config=api.packed(context))


def certificates(tls: ServerTls) -> list[str]:
    """The secrets that a server shows: of Secrets, of files, or the proxy's own."""
    if tls.mode == "ISTIO_MUTUAL":
        return [IDENTITY]
    names = tls.credential_names or ((tls.credential_name,) if tls.credential_name else ())
    if names:
        return [credential(name) for name in names]
    if tls.tls_certificates:
        files = [(one.server_certificate, one.private_key) for one in tls.tls_certificates]
    else:
        files = [(tls.server_certificate, tls.private_key)]
    return [file_certificate(*pair) or IDENTITY for pair in files]


def roots(tls: ServerTls) -> str:
    """The secret by which clients are verified; empty: they are not."""
    if tls.mode not in _CLIENTS_ARE_VERIFIED:
        return ""
    if tls.mode == "ISTIO_MUTUAL":
        return ROOTS
    if tls.ca_cert_credential_name:
        return credential_roots(tls.ca_cert_credential_name)
    first = tls.credential_names[0] if tls.credential_names else tls.credential_name
    return credential_roots(first) or file_roots(tls.ca_certificates) or ROOTS


def _verify_clients(common: CommonTlsContext, tls: ServerTls) -> None:
    combined = common.combined_validation_context
    rules = combined.default_validation_context
    rules.SetInParent()
    for name in tls.subject_alt_names:
        rules.match_subject_alt_names.add(exact=name)
    rules.verify_certificate_spki.extend(tls.verify_certificate_spki)
    rules.verify_certificate_hash.extend(tls.verify_certificate_hash)
    if tls.ca_crl:
        rules.crl.filename = tls.ca_crl
    if tls.insecure_skip_verify:
        rules.trust_chain_verification = api.CertificateValidationContext.ACCEPT_UNTRUSTED
    combined.validation_context_sds_secret_config.CopyFrom(secret_config(roots(tls)))


def _limit(common: CommonTlsContext, tls: ServerTls) -> None:
    """Versions, ciphers and curves, where the server says any."""
    params = api.TlsParameters(
        tls_minimum_protocol_version=_envoys(tls.min_protocol_version),
        tls_maximum_protocol_version=_envoys(tls.max_protocol_version),
        # One that nobody knows would refuse the whole listener.
        cipher_suites=dict.fromkeys(filter(is_cipher, tls.cipher_suites)),
        ecdh_curves=tls.ecdh_curves,
    )
    if params.ByteSize():
        common.tls_params.CopyFrom(params)


def _envoys(version: str) -> str:
    """`TLSV1_2` is `TLSv1_2` there."""
    return version.replace("TLSV", "TLSv")
