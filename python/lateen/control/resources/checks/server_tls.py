"""How servers of gateways and sidecars speak TLS.

Source: Istio pkg/config/validation/validation.go validateTLSOptions.
"""

from __future__ import annotations

from lateen.control.resources.ciphers import is_cipher
from lateen.control.resources.field import Field
from lateen.control.resources.traffic import PASSED_ON, ServerTls

_OLD = ("TLSV1_0", "TLSV1_1")
_MUTUAL = ("MUTUAL", "OPTIONAL_MUTUAL")
_MOST_CERTIFICATES = 2
_SOURCES = (
    "serverCertificate",
    "privateKey",
    "caCertificates",
    "tlsCertificates",
    "credentialName",
    "credentialNames",
)


def check_server_tls(at: Field, tls: ServerTls | None) -> None:
    """Note certificates that are missing or contradict the mode; None: it is not set."""
    if tls is None:
        return
    _check_lists(at, tls)
    _check_ciphers(at, tls)
    given = _given(tls)
    if tls.mode == "ISTIO_MUTUAL":
        for name in given:
            (at / name).error("ISTIO_MUTUAL has certificates of its own", "remove it")
        return
    if tls.mode in PASSED_ON and (given or tls.ca_crl):
        at.warn(f"{tls.mode} uses no certificates", "remove them")
    sources = (
        bool(tls.server_certificate and tls.private_key),
        bool(tls.credential_name),
        bool(tls.credential_names),
        bool(tls.tls_certificates),
    )
    if sum(sources) > 1:
        at.error("certificates come from several places", "keep one of them")
    by_name = bool(tls.credential_name or tls.credential_names)
    if tls.mode not in PASSED_ON and not by_name:
        _check_files(at, tls)
    if tls.mode in PASSED_ON or not by_name:
        _check_revocations(at, tls)


def _given(tls: ServerTls) -> list[str]:
    values = (
        tls.server_certificate,
        tls.private_key,
        tls.ca_certificates,
        tls.tls_certificates,
        tls.credential_name,
        tls.credential_names,
    )
    return [name for name, value in zip(_SOURCES, values, strict=True) if value]


def _check_lists(at: Field, tls: ServerTls) -> None:
    at.at_most_one("credentialNames", "tlsCertificates")
    at.at_most_one("credentialName", "credentialNames")
    counts = {
        "credentialNames": len(tls.credential_names),
        "tlsCertificates": len(tls.tls_certificates),
    }
    for name, count in counts.items():
        if (at / name).written and not 1 <= count <= _MOST_CERTIFICATES:
            (at / name).error(f"there are {count} certificates", "one, or two of different keys")


def _check_ciphers(at: Field, tls: ServerTls) -> None:
    if tls.min_protocol_version in _OLD and not tls.cipher_suites:
        (at / "minProtocolVersion").warn(
            f"{tls.min_protocol_version} needs ciphers that are off by default", "set cipherSuites"
        )
    seen: set[str] = set()
    for place, name in (at / "cipherSuites").each(tls.cipher_suites):
        if not is_cipher(name):
            place.warn(f"{name!r} is no cipher suite and is left out", "remove it")
        elif name in seen:
            place.warn(f"{name!r} is there twice", "remove one")
        seen.add(name)


def _check_files(at: Field, tls: ServerTls) -> None:
    if tls.mode in _MUTUAL and not tls.ca_certificates:
        at.error(f"{tls.mode} verifies clients, by no authority", "set caCertificates")
    if tls.tls_certificates:
        for place, one in (at / "tlsCertificates").each(tls.tls_certificates):
            _check_pair(place, one.server_certificate, one.private_key)
    else:
        _check_pair(at, tls.server_certificate, tls.private_key)


def _check_pair(at: Field, certificate: str, key: str) -> None:
    if not certificate:
        at.error("the server has no certificate", "set serverCertificate or credentialName")
    if not key:
        at.error("the server has no private key", "set privateKey or credentialName")


def _check_revocations(at: Field, tls: ServerTls) -> None:
    if tls.ca_crl and tls.credential_name:
        (at / "caCrl").error("with credentialName the revocations are in the secret", "remove it")
    if tls.ca_crl and tls.mode == "SIMPLE":
        (at / "caCrl").error("SIMPLE verifies no clients", "remove it, or use MUTUAL")
