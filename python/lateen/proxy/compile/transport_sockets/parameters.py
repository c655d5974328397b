"""Versions, suites, curves, signatures and protocols.

Source: TlsParameters in envoy/extensions/transport_sockets/tls/v3/common.proto; defaults and errors
as in Envoy 1.40. What rustls cannot do is an error here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.proxy.compile.values import enum_name

if TYPE_CHECKING:
    from envoy.extensions.transport_sockets.tls.v3.common_pb2 import TlsParameters
    from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.extensions.transport_sockets.tls.v3"
SUPPORT = (
    Fields(
        f"{_PACKAGE}.TlsParameters",
        implemented="""
            tls_minimum_protocol_version tls_maximum_protocol_version cipher_suites ecdh_curves
            signature_algorithms
        """,
        rejected={"compliance_policies": "list cipher_suites and ecdh_curves"},
    ),
    Fields(
        f"{_PACKAGE}.CommonTlsContext",
        implemented="""
            tls_params tls_certificates tls_certificate_sds_secret_configs validation_context
            combined_validation_context validation_context_sds_secret_config alpn_protocols
        """,
        rejected={
            "key_log": "secrets of connections are not written to files",
            "custom_handshaker": "rustls makes every handshake",
            "custom_tls_certificate_selector": "certificates are chosen by SNI and key type",
            "tls_certificate_provider_instance": "use tls_certificates or SDS",
        },
    ),
    Fields(
        f"{_PACKAGE}.CommonTlsContext.CombinedCertificateValidationContext",
        implemented="default_validation_context validation_context_sds_secret_config",
    ),
    Fields(f"{_PACKAGE}.SdsSecretConfig", implemented="name sds_config"),
)

_TLS12, _TLS13 = 0x0303, 0x0304
_VERSIONS = {"TLSv1_2": _TLS12, "TLSv1_3": _TLS13}
_SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
_IANA = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": _SUITES[0],
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": _SUITES[1],
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": _SUITES[2],
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": _SUITES[3],
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": _SUITES[4],
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": _SUITES[5],
}
# What BoringSSL has and rustls has not: CBC, RSA key exchange, pre-shared keys, 3DES.
_OTHER_SUITE = re.compile(
    r"(TLS_)?(ECDHE|RSA|DHE|PSK|AES|DES|CAMELLIA).*(SHA|SHA256|SHA384|POLY1305|GCM_SHA256)|(AES|DES).*"
)
_CURVES = {
    "X25519": "X25519",
    "x25519": "X25519",
    "P-256": "P-256",
    "prime256v1": "P-256",
    "P-384": "P-384",
    "secp384r1": "P-384",
    "X25519MLKEM768": "X25519MLKEM768",
}
_OTHER_CURVES = ("P-521", "secp521r1", "P-224", "secp224r1", "X25519Kyber768Draft00")
_DEFAULT_CURVES = ("X25519MLKEM768", "X25519", "P-256")
_SCHEMES = (
    "rsa_pkcs1_sha256",
    "rsa_pkcs1_sha384",
    "rsa_pkcs1_sha512",
    "ecdsa_secp256r1_sha256",
    "ecdsa_secp384r1_sha384",
    "ecdsa_secp521r1_sha512",
    "rsa_pss_rsae_sha256",
    "rsa_pss_rsae_sha384",
    "rsa_pss_rsae_sha512",
    "ed25519",
)
_OTHER_SCHEMES = ("rsa_pkcs1_sha1", "ecdsa_sha1", "rsa_pkcs1_md5_sha1", "rsa_pkcs1_sha256_legacy")
_LONGEST_PROTOCOL = 255


def compile_parameters(
    ctx: CompileContext,
    common: CommonTlsContext,
    out: worker_pb2.TlsContext,
    default_maximum: str,
    at: str,
) -> None:
    """Set the parameters of a context.

    Args:
        default_maximum: the highest version where the configuration does not say.
    """
    where = f"{at}.tls_params"
    params = common.tls_params
    low = _version(ctx, params, "tls_minimum_protocol_version", "TLSv1_2", where)
    high = _version(ctx, params, "tls_maximum_protocol_version", default_maximum, where)
    if low > high:
        ctx.error(
            where,
            "tls_minimum_protocol_version is above tls_maximum_protocol_version: no connection"
            " could be made",
        )
    out.min_version, out.max_version = low, high
    out.cipher_suites.extend(_suites(ctx, params, f"{where}.cipher_suites"))
    out.curves.extend(_curves(ctx, params, f"{where}.ecdh_curves"))
    out.signature_algorithms.extend(_schemes(ctx, params, f"{where}.signature_algorithms"))
    for index, name in enumerate(common.alpn_protocols):
        for each in filter(None, name.split(",")):
            if len(each.encode()) > _LONGEST_PROTOCOL:
                ctx.error(f"{at}.alpn_protocols[{index}]", "Invalid ALPN protocol string")
            out.alpn_protocols.append(each)


def _version(ctx: CompileContext, params: TlsParameters, field: str, default: str, at: str) -> int:
    name = enum_name(params, field)
    if name == "TLS_AUTO":
        name = default
    version = _VERSIONS.get(name)
    if version is None:
        ctx.error(
            f"{at}.{field}",
            f"{name} is not implemented: it is not safe, and rustls does not speak it",
            "implemented here: TLSv1_2, TLSv1_3",
        )
        return _TLS12
    return version


def _suites(ctx: CompileContext, params: TlsParameters, at: str) -> list[str]:
    if not params.cipher_suites:
        return list(_SUITES)
    found = []
    for index, text in enumerate(params.cipher_suites):
        for name in filter(None, re.split(r"[:\[\]|, ]", text)):
            suite = _IANA.get(name, name)
            if suite in _SUITES:
                found.append(suite)
            else:
                _refuse_suite(ctx, name, f"{at}[{index}]")
    return list(dict.fromkeys(found))


def _refuse_suite(ctx: CompileContext, name: str, at: str) -> None:
    if name[0] in "!-+@" or name in ("ALL", "HIGH", "DEFAULT"):
        ctx.unimplemented(at, f"the cipher rule {name}", "lists of suites")
    elif _OTHER_SUITE.fullmatch(name) and not name.startswith(("TLS_AES", "TLS_CHACHA20")):
        ctx.error(
            at,
            f"cipher suite {name} is not implemented: rustls has neither CBC nor RSA key exchange",
            f"implemented here: {', '.join(_SUITES)}",
        )
    else:
        ctx.error(
            at,
            f"Failed to initialize cipher suites {name}. The following ciphers were rejected when"
            f" tried individually: {name}",
            "suites of TLS 1.3 are always on" if name.startswith("TLS_") else "",
        )


def _curves(ctx: CompileContext, params: TlsParameters, at: str) -> list[str]:
    found = []
    for index, text in enumerate(params.ecdh_curves):
        for name in filter(None, text.split(":")):
            if name in _CURVES:
                found.append(_CURVES[name])
            elif name in _OTHER_CURVES:
                known = ", ".join(dict.fromkeys(_CURVES.values()))
                ctx.unimplemented(f"{at}[{index}]", f"curve {name}", known)
            else:
                ctx.error(f"{at}[{index}]", f"Failed to initialize ECDH curves {name}")
    if len(found) != len(set(found)):
        ctx.error(at, f"Failed to initialize ECDH curves {':'.join(found)}")
    return found or list(_DEFAULT_CURVES)


def _schemes(ctx: CompileContext, params: TlsParameters, at: str) -> list[str]:
    found = []
    for index, text in enumerate(params.signature_algorithms):
        for name in filter(None, text.split(":")):
            if name in _SCHEMES:
                found.append(name)
            elif name in _OTHER_SCHEMES:
                ctx.unimplemented(f"{at}[{index}]", f"signature {name}", ", ".join(_SCHEMES))
            else:
                ctx.error(f"{at}[{index}]", f"Failed to initialize TLS signature algorithms {name}")
    return found
