"""OCSP responses that go with certificates (RFC 6960, RFC 7633), by the `cryptography` package.

It is loaded when a certificate has a response, or needs one. Source: Envoy docs, "OCSP Stapling".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.protos.worker_pb2 import TlsCertificate, TlsServer

if TYPE_CHECKING:
    from lateen.proxy.compile.context import CompileContext

# The object identifier of the TLS feature extension, 1.3.6.1.5.5.7.1.24.
_TLS_FEATURE = bytes.fromhex("2b06010505070118")


def check_staple(
    ctx: CompileContext, certificate: TlsCertificate, policy: TlsServer.StaplePolicy, at: str
) -> None:
    """Notes until when the response of a certificate holds and whether it needs one."""
    leaf = certificate.chain[0]
    certificate.must_staple = _must_staple(leaf)
    if certificate.ocsp_staple:
        _read(ctx, certificate, leaf, f"{at}.ocsp_staple")
    elif certificate.must_staple:
        reason = "OCSP response is required for must-staple certificate"
        ctx.error(f"{at}.ocsp_staple", reason)
    elif policy == TlsServer.MUST_STAPLE:
        ctx.error(f"{at}.ocsp_staple", "Required OCSP response is missing from TLS context")


def _must_staple(leaf: bytes) -> bool:
    if _TLS_FEATURE not in leaf:
        return False
    from cryptography import x509

    try:
        extensions = x509.load_der_x509_certificate(leaf).extensions
        feature = extensions.get_extension_for_class(x509.TLSFeature).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    return x509.TLSFeatureType.status_request in feature


def _read(ctx: CompileContext, certificate: TlsCertificate, leaf: bytes, at: str) -> None:
    from cryptography import x509
    from cryptography.x509 import ocsp

    try:
        response = ocsp.load_der_ocsp_response(certificate.ocsp_staple)
        serial = x509.load_der_x509_certificate(leaf).serial_number
    except ValueError as error:
        ctx.error(at, f"not an OCSP response in DER: {error}")
        return
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        ctx.error(at, "OCSP response was unsuccessful")
        return
    responses = list(response.responses)
    if len(responses) != 1:
        ctx.error(at, "OCSP Response must be for one certificate only")
    elif responses[0].serial_number != serial:
        ctx.error(at, "OCSP response does not match its TLS certificate")
    elif responses[0].next_update_utc is not None:
        certificate.ocsp_expires_s = int(responses[0].next_update_utc.timestamp())
