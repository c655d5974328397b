"""TLS of clusters.

Source: UpstreamTlsContext in envoy/extensions/transport_sockets/tls/v3/tls.proto.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.proxy.compile.transport_sockets.certificates import compile_certificates
from lateen.proxy.compile.transport_sockets.parameters import compile_parameters
from lateen.proxy.compile.transport_sockets.validation import compile_validation

if TYPE_CHECKING:
    from envoy.extensions.transport_sockets.tls.v3 import tls_pb2 as envoy

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.transport_sockets.certificates import FindSecret

SUPPORT = (
    Fields(
        "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        implemented="""
            common_tls_context sni auto_host_sni auto_sni_san_validation max_session_keys
        """,
        harmless={
            "allow_renegotiation": "rustls never renegotiates; servers that ask for it are refused",
            "enforce_rsa_key_usage": "RSA keys are never used to exchange keys",
        },
        category="envoy.transport_sockets",
    ),
)

_SESSION_KEYS = 1
_NAME = re.compile(r"[A-Za-z0-9_*-]+(\.[A-Za-z0-9_-]+)*\.?|[0-9a-fA-F:.]+")


def compile_upstream(
    ctx: CompileContext, source: envoy.UpstreamTlsContext, secret: FindSecret, at: str
) -> worker_pb2.TlsContext:
    """The context of a cluster; what is wrong is reported."""
    common, where = source.common_tls_context, f"{at}.common_tls_context"
    context = worker_pb2.TlsContext(
        client=worker_pb2.TlsClient(
            sni=source.sni,
            auto_host_sni=source.auto_host_sni,
            auto_sni_san_validation=source.auto_sni_san_validation,
            max_session_keys=_SESSION_KEYS,
        )
    )
    if source.HasField("max_session_keys"):
        context.client.max_session_keys = source.max_session_keys.value
    if source.sni and not _NAME.fullmatch(source.sni):
        ctx.error(f"{at}.sni", f"{source.sni!r} is not a host name, which SNI carries (RFC 6066)")
    compile_parameters(ctx, common, context, "TLSv1_2", where)
    if len(common.tls_certificates) + len(common.tls_certificate_sds_secret_configs) > 1:
        ctx.error(where, "Multiple TLS certificates are not supported for client contexts")
    context.certificates.extend(compile_certificates(ctx, common, secret, where))
    validation = compile_validation(ctx, common, secret, where)
    if validation is not None:
        context.validation.CopyFrom(validation)
    elif source.auto_sni_san_validation:
        reason = "'auto_sni_san_validation' was configured without a validation context"
        ctx.error(f"{at}.auto_sni_san_validation", reason)
    return context
