"""Whom to trust.

Source: CertificateValidationContext in envoy/extensions/transport_sockets/tls/v3/common.proto and
tls_spiffe_validator_config.proto; errors as in Envoy.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import SanMatch
from lateen.proxy.compile.data_source import read_data_source
from lateen.proxy.compile.matchers import compile_string
from lateen.proxy.compile.transport_sockets import pem
from lateen.proxy.compile.transport_sockets.certificates import source_of
from lateen.proxy.compile.values import enum_name

if TYPE_CHECKING:
    from envoy.extensions.transport_sockets.tls.v3 import common_pb2 as envoy
    from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext
    from envoy.extensions.transport_sockets.tls.v3.tls_spiffe_validator_config_pb2 import (
        SPIFFECertValidatorConfig,
    )

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.transport_sockets.certificates import FindSecret

_PACKAGE = "envoy.extensions.transport_sockets.tls.v3"
_SPIFFE = f"{_PACKAGE}.SPIFFECertValidatorConfig"
SUPPORT = (
    Fields(
        f"{_PACKAGE}.CertificateValidationContext",
        implemented="""
            trusted_ca system_root_certs watched_directory verify_certificate_spki
            verify_certificate_hash match_typed_subject_alt_names match_subject_alt_names crl
            allow_expired_certificate trust_chain_verification custom_validator_config
            only_verify_leaf_cert_crl max_verify_depth
        """,
        rejected={"ca_certificate_provider_instance": "use trusted_ca"},
    ),
    whole(f"{_PACKAGE}.CertificateValidationContext.SystemRootCerts"),
    whole(f"{_PACKAGE}.SubjectAltNameMatcher"),
    Fields(
        _SPIFFE,
        implemented="trust_domains",
        rejected={"trust_bundles": "use trust_domains"},
        category="envoy.tls.cert_validator",
    ),
    whole(f"{_SPIFFE}.TrustDomain"),
)

_ACCEPT_UNTRUSTED = "ACCEPT_UNTRUSTED"
_SHA256 = 32
_TYPES = {
    "EMAIL": SanMatch.EMAIL,
    "DNS": SanMatch.DNS,
    "URI": SanMatch.URI,
    "IP_ADDRESS": SanMatch.IP,
    "OTHER_NAME": SanMatch.OTHER_NAME,
}
# Where systems keep the certificates that they trust; the first that is there counts, as in Envoy.
_SYSTEM_ROOTS = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def compile_validation(
    ctx: CompileContext, common: CommonTlsContext, secret: FindSecret, at: str
) -> worker_pb2.TlsValidation | None:
    """What is asked of the peer; None: nothing."""
    kind = common.WhichOneof("validation_context_type")
    if kind == "validation_context":
        return _compile(ctx, common.validation_context, f"{at}.validation_context")
    if kind == "validation_context_sds_secret_config":
        where = f"{at}.{kind}"
        found = secret(common.validation_context_sds_secret_config, where)
        return None if found is None else _compile(ctx, found.validation_context, where)
    if kind == "combined_validation_context":
        where = f"{at}.{kind}"
        combined = common.combined_validation_context
        config = combined.validation_context_sds_secret_config
        merged = type(combined.default_validation_context)()
        merged.CopyFrom(combined.default_validation_context)
        found = secret(config, f"{where}.validation_context_sds_secret_config")
        if found is not None:
            # Singular fields of the secret replace the default's, repeated ones are added.
            merged.MergeFrom(found.validation_context)
        return _compile(ctx, merged, f"{where}.default_validation_context")
    return None


def _compile(
    ctx: CompileContext, source: envoy.CertificateValidationContext, at: str
) -> worker_pb2.TlsValidation:
    compiled = worker_pb2.TlsValidation(
        allow_expired=source.allow_expired_certificate,
        accept_untrusted=enum_name(source, "trust_chain_verification") == _ACCEPT_UNTRUSTED,
        only_verify_leaf_cert_crl=source.only_verify_leaf_cert_crl,
        certificate_hashes=_hashes(ctx, source, at),
        spki_hashes=_keys(ctx, source, at),
        sans=_sans(ctx, source, at),
    )
    if source.HasField("max_verify_depth"):
        compiled.max_verify_depth = source.max_verify_depth.value
    if source.HasField("custom_validator_config"):
        _compile_spiffe(ctx, source, compiled, f"{at}.custom_validator_config")
    else:
        _compile_trusted(ctx, source, compiled, at)
    if source.HasField("crl"):
        text = read_data_source(ctx, source.crl, f"{at}.crl")
        compiled.crl_source = source_of(source.crl)
        compiled.crls.extend(_read(ctx, text, f"{at}.crl", "Failed to load CRL from", crl=True))
    if compiled.sans and not (compiled.trusted_ca or compiled.trust_domains):
        ctx.error(
            at,
            "SAN-based verification of peer certificates without trusted CA is insecure and not"
            " allowed",
        )
    return compiled


def _compile_trusted(
    ctx: CompileContext,
    source: envoy.CertificateValidationContext,
    out: worker_pb2.TlsValidation,
    at: str,
) -> None:
    if source.HasField("system_root_certs"):
        for path in _SYSTEM_ROOTS:
            try:
                text = ctx.read_file(path)
            except OSError:
                continue
            out.ca_source = path
            out.trusted_ca.extend(pem.certificates(text))
            return
        ctx.error(f"{at}.system_root_certs", "this system has no file of trusted certificates")
    if not source.HasField("trusted_ca"):
        return
    before = len(ctx.diagnostics)
    text = read_data_source(ctx, source.trusted_ca, f"{at}.trusted_ca")
    out.ca_source = source_of(source.trusted_ca)
    if len(ctx.diagnostics) == before:
        reason = f"Failed to load trusted CA certificates from {out.ca_source}"
        out.trusted_ca.extend(_read(ctx, text, f"{at}.trusted_ca", reason))


def _read(
    ctx: CompileContext, text: bytes, at: str, reason: str, *, crl: bool = False
) -> list[bytes]:
    try:
        found = pem.crls(text) if crl else pem.certificates(text)
    except pem.PemError as error:
        ctx.error(at, f"{reason}: {error}")
        return []
    if not found:
        # Envoy takes a CRL without content.
        ctx.warning(at, "there is no CRL in it") if crl else ctx.error(at, reason)
    return found


def _compile_spiffe(
    ctx: CompileContext,
    source: envoy.CertificateValidationContext,
    out: worker_pb2.TlsValidation,
    at: str,
) -> None:
    message = ctx.unpack(source.custom_validator_config.typed_config)
    if message is None or message.DESCRIPTOR.full_name != _SPIFFE:
        return
    config = cast("SPIFFECertValidatorConfig", message)
    names = set()
    for index, domain in enumerate(config.trust_domains):
        where = f"{at}.typed_config.trust_domains[{index}]"
        if domain.name in names:
            reason = f"Multiple trust bundles are given for one trust domain for {domain.name}"
            ctx.error(where, reason)
        names.add(domain.name)
        text = read_data_source(ctx, domain.trust_bundle, f"{where}.trust_bundle")
        reason = f"Failed to load trusted CA certificate from {source_of(domain.trust_bundle)}"
        found = _read(ctx, text, f"{where}.trust_bundle", reason)
        out.trust_domains.add(name=domain.name, trusted_ca=found)
    if not config.trust_domains:
        ctx.unimplemented(at, "a SPIFFE validator without trust_domains", "trust_domains")


def _hashes(
    ctx: CompileContext, source: envoy.CertificateValidationContext, at: str
) -> list[bytes]:
    found = []
    for index, text in enumerate(source.verify_certificate_hash):
        try:
            found.append(bytes.fromhex(text.replace(":", "")))
        except ValueError:
            found.append(b"")
        if len(found[-1]) != _SHA256:
            ctx.error(
                f"{at}.verify_certificate_hash[{index}]", f"Invalid hex-encoded SHA-256 {text}"
            )
    return found


def _keys(ctx: CompileContext, source: envoy.CertificateValidationContext, at: str) -> list[bytes]:
    found = []
    for index, text in enumerate(source.verify_certificate_spki):
        try:
            found.append(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            found.append(b"")
        if len(found[-1]) != _SHA256:
            ctx.error(
                f"{at}.verify_certificate_spki[{index}]", f"Invalid base64-encoded SHA-256 {text}"
            )
    return found


def _sans(
    ctx: CompileContext, source: envoy.CertificateValidationContext, at: str
) -> list[SanMatch]:
    compiled = []
    for index, each in enumerate(source.match_typed_subject_alt_names):
        where = f"{at}.match_typed_subject_alt_names[{index}]"
        kind = enum_name(each, "san_type")
        if kind == "OTHER_NAME" and not _is_oid(each.oid):
            reason = f"Failed to create SAN matcher for OTHER_NAME with OID: {each.oid}"
            ctx.error(f"{where}.oid", reason)
        match = compile_string(ctx, each.matcher, f"{where}.matcher")
        compiled.append(SanMatch(type=_TYPES.get(kind, SanMatch.ANY), match=match, oid=each.oid))
    if not compiled:
        for index, matcher in enumerate(source.match_subject_alt_names):
            match = compile_string(ctx, matcher, f"{at}.match_subject_alt_names[{index}]")
            compiled.append(SanMatch(type=SanMatch.ANY, match=match))
    return compiled


def _is_oid(text: str) -> bool:
    parts = text.split(".")
    return len(parts) > 1 and all(part.isascii() and part.isdigit() for part in parts)
