"""Certificates of this side.

Source: TlsCertificate in envoy/extensions/transport_sockets/tls/v3/common.proto; errors as Envoy's.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.proxy.compile.data_source import read_data_source
from lateen.proxy.compile.transport_sockets import pem
from lateen.proxy.compile.transport_sockets.encrypted import decrypt_key, pkcs12

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import DataSource
    from envoy.extensions.transport_sockets.tls.v3.common_pb2 import TlsCertificate
    from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig, Secret
    from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext

    from lateen.proxy.compile.context import CompileContext

    FindSecret = Callable[[SdsSecretConfig, str], Secret | None]
    CheckCertificate = Callable[[worker_pb2.TlsCertificate, str], None]

_PACKAGE = "envoy.extensions.transport_sockets.tls.v3"
SUPPORT = (
    Fields(
        f"{_PACKAGE}.TlsCertificate",
        implemented="""
            certificate_chain private_key watched_directory ocsp_staple password pkcs12
        """,
        harmless={"signed_certificate_timestamp": "it is not used, as in Envoy"},
        rejected={"private_key_provider": "use private_key"},
    ),
)

_INLINE = "<inline>"
_OTHERS = stat.S_IRGRP | stat.S_IROTH


def compile_certificates(
    ctx: CompileContext,
    common: CommonTlsContext,
    secret: FindSecret,
    at: str,
    check: CheckCertificate | None = None,
) -> list[worker_pb2.TlsCertificate]:
    """Every certificate of a context, those in secrets too; `check` sees each that can be read."""
    compiled = [
        _compile(ctx, certificate, f"{at}.tls_certificates[{index}]", check)
        for index, certificate in enumerate(common.tls_certificates)
    ]
    for index, config in enumerate(common.tls_certificate_sds_secret_configs):
        where = f"{at}.tls_certificate_sds_secret_configs[{index}]"
        found = secret(config, where)
        if found is not None:
            compiled.append(_compile(ctx, found.tls_certificate, where, check))
    return compiled


def _compile(
    ctx: CompileContext, source: TlsCertificate, at: str, check: CheckCertificate | None
) -> worker_pb2.TlsCertificate:
    before = len(ctx.diagnostics)
    password = read_data_source(ctx, source.password, f"{at}.password")
    if len(ctx.diagnostics) > before:
        return worker_pb2.TlsCertificate()
    read = _read_pkcs12 if source.HasField("pkcs12") else _read_pair
    compiled = read(ctx, source, password, at)
    if source.ocsp_staple.HasField("inline_string"):
        ctx.error(f"{at}.ocsp_staple", "OCSP staple cannot be provided via inline_string")
    elif source.HasField("ocsp_staple"):
        compiled.ocsp_staple = read_data_source(ctx, source.ocsp_staple, f"{at}.ocsp_staple")
    if check is not None and compiled.chain and compiled.key:
        check(compiled, at)
    return compiled


def _read_pair(
    ctx: CompileContext, source: TlsCertificate, password: bytes, at: str
) -> worker_pb2.TlsCertificate:
    """A chain and a key, each in PEM."""
    compiled = worker_pb2.TlsCertificate(source=source_of(source.certificate_chain))
    before = len(ctx.diagnostics)
    chain = read_data_source(ctx, source.certificate_chain, f"{at}.certificate_chain")
    key = read_data_source(ctx, source.private_key, f"{at}.private_key")
    if len(ctx.diagnostics) > before:
        return compiled
    if not chain:
        reason = f"Failed to load incomplete certificate from {compiled.source}: "
        ctx.error(f"{at}.certificate_chain", f"{reason}certificate chain not set")
        return compiled
    if not key:
        ctx.error(f"{at}.private_key", "Failed to load incomplete private key from path: ")
        return compiled
    compiled.chain.extend(_chain(ctx, chain, compiled.source, f"{at}.certificate_chain"))
    try:
        encrypted = password and pem.is_encrypted(key)
        compiled.key = decrypt_key(key, password) if encrypted else pem.private_key(key)
    except pem.PemError as error:
        where = source_of(source.private_key)
        ctx.error(f"{at}.private_key", f"Failed to load private key from {where}, Cause: {error}")
    _check_mode(ctx, source.private_key, f"{at}.private_key")
    return compiled


def _read_pkcs12(
    ctx: CompileContext, source: TlsCertificate, password: bytes, at: str
) -> worker_pb2.TlsCertificate:
    """A chain and a key in one file."""
    where = source_of(source.pkcs12)
    compiled = worker_pb2.TlsCertificate(source=where)
    for other in ("private_key", "certificate_chain"):
        if source.HasField(other):
            reason = f"Certificate configuration can't have both pkcs12 and {other}"
            ctx.error(f"{at}.{other}", reason)
            return compiled
    before = len(ctx.diagnostics)
    data = read_data_source(ctx, source.pkcs12, f"{at}.pkcs12")
    if len(ctx.diagnostics) > before:
        return compiled
    try:
        chain, compiled.key = pkcs12(data, password)
    except pem.PemError as error:
        ctx.error(f"{at}.pkcs12", f"Failed to load pkcs12 from {where}: {error}")
        return compiled
    if not chain:
        reason = f"Failed to load certificate from {where}: it is to have one with its key"
        ctx.error(f"{at}.pkcs12", reason)
    compiled.chain.extend(chain)
    _check_mode(ctx, source.pkcs12, f"{at}.pkcs12")
    return compiled


def _chain(ctx: CompileContext, text: bytes, source: str, at: str) -> list[bytes]:
    try:
        found = pem.certificates(text)
    except pem.PemError:
        found = []
    if not found:
        ctx.error(at, f"Failed to load certificate chain from {source}")
    return found


def source_of(source: DataSource) -> str:
    """Where content is from, as errors name it."""
    kind = source.WhichOneof("specifier")
    if kind == "filename":
        return source.filename
    return source.environment_variable if kind == "environment_variable" else _INLINE


def _check_mode(ctx: CompileContext, key: DataSource, at: str) -> None:
    """Warns of a key that others can read."""
    if key.WhichOneof("specifier") != "filename":
        return
    mode = ctx.file_mode(key.filename)
    if mode is not None and mode & _OTHERS:
        readable = f"the private key {key.filename} can be read by others (mode {mode & 0o777:o})"
        ctx.warning(at, readable, "chmod 600")
