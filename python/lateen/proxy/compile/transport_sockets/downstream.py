"""TLS of listeners.

Source: DownstreamTlsContext in envoy/extensions/transport_sockets/tls/v3/tls.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.proxy.compile.data_source import read_data_source
from lateen.proxy.compile.transport_sockets.certificates import compile_certificates
from lateen.proxy.compile.transport_sockets.ocsp import check_staple
from lateen.proxy.compile.transport_sockets.parameters import compile_parameters
from lateen.proxy.compile.transport_sockets.validation import compile_validation

if TYPE_CHECKING:
    from envoy.extensions.transport_sockets.tls.v3 import tls_pb2 as envoy
    from envoy.extensions.transport_sockets.tls.v3.common_pb2 import TlsSessionTicketKeys

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.transport_sockets.certificates import FindSecret

_PACKAGE = "envoy.extensions.transport_sockets.tls.v3"
SUPPORT = (
    Fields(
        f"{_PACKAGE}.DownstreamTlsContext",
        implemented="""
            common_tls_context require_client_certificate session_ticket_keys
            session_ticket_keys_sds_secret_config disable_stateless_session_resumption
            disable_stateful_session_resumption session_timeout ocsp_staple_policy
            full_scan_certs_on_sni_mismatch
        """,
        harmless={
            "prefer_client_ciphers": "the client's order counts from TLS 1.3 on",
        },
        rejected={"require_sni": "match server_names in the filter chain"},
        category="envoy.transport_sockets",
    ),
    whole(f"{_PACKAGE}.TlsSessionTicketKeys"),
)

_KEY_LENGTH = 80
# By the numbers of DownstreamTlsContext.OcspStaplePolicy.
_POLICIES = (
    worker_pb2.TlsServer.LENIENT_STAPLING,
    worker_pb2.TlsServer.STRICT_STAPLING,
    worker_pb2.TlsServer.MUST_STAPLE,
)


def compile_downstream(
    ctx: CompileContext, source: envoy.DownstreamTlsContext, secret: FindSecret, at: str
) -> worker_pb2.TlsContext:
    """The context of a filter chain; what is wrong is reported."""
    common, where = source.common_tls_context, f"{at}.common_tls_context"
    context = worker_pb2.TlsContext()
    server = context.server
    server.SetInParent()
    server.require_client_certificate = source.require_client_certificate.value
    server.disable_stateful_resumption = source.disable_stateful_session_resumption
    server.full_scan_certs_on_sni_mismatch = source.full_scan_certs_on_sni_mismatch.value
    server.session_timeout_s = source.session_timeout.seconds
    kind = source.WhichOneof("session_ticket_keys_type")
    if kind == "disable_stateless_session_resumption":
        server.disable_stateless_resumption = source.disable_stateless_session_resumption
    elif kind == "session_ticket_keys":
        keys = source.session_ticket_keys
        server.session_ticket_keys.extend(_keys(ctx, keys, f"{at}.session_ticket_keys"))
    elif kind == "session_ticket_keys_sds_secret_config":
        found = secret(source.session_ticket_keys_sds_secret_config, f"{at}.{kind}")
        if found is not None:
            server.session_ticket_keys.extend(_keys(ctx, found.session_ticket_keys, f"{at}.{kind}"))
    compile_parameters(ctx, common, context, "TLSv1_3", where)
    server.ocsp_staple_policy = _POLICIES[source.ocsp_staple_policy]

    def check(certificate: worker_pb2.TlsCertificate, at: str) -> None:
        check_staple(ctx, certificate, server.ocsp_staple_policy, at)

    context.certificates.extend(compile_certificates(ctx, common, secret, where, check))
    if not (common.tls_certificates or common.tls_certificate_sds_secret_configs):
        ctx.error(where, "No TLS certificates found for server context", "give tls_certificates")
    validation = compile_validation(ctx, common, secret, where)
    if validation is not None:
        context.validation.CopyFrom(validation)
    return context


def _keys(ctx: CompileContext, source: TlsSessionTicketKeys, at: str) -> list[bytes]:
    keys = []
    for index, each in enumerate(source.keys):
        key = read_data_source(ctx, each, f"{at}.keys[{index}]")
        if len(key) != _KEY_LENGTH:
            ctx.error(
                f"{at}.keys[{index}]",
                f"Incorrect TLS session ticket key length. Length {len(key)}, expected length"
                f" {_KEY_LENGTH}.",
            )
        keys.append(key)
    return keys
