"""TLS to upstreams: versions, names, trust, client certificates, failures and their reasons."""

from __future__ import annotations

from collections.abc import Mapping

from tests.interop.cases.tls_downstream import CONTEXT
from tests.interop.model import Case, Step, once
from tests.support.client import get
from tests.support.upstream import Close, Script, Take, TlsServer, reply, tcp

LOG = (
    "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% flags=%RESPONSE_FLAGS%"
    " fail=%UPSTREAM_TRANSPORT_FAILURE_REASON% name=%UPSTREAM_SERVER_NAME%"
    " tls=%UPSTREAM_TLS_VERSION%,%UPSTREAM_TLS_CIPHER%,%UPSTREAM_TLS_GROUP%"
    " peer=%UPSTREAM_PEER_SUBJECT%,%UPSTREAM_PEER_ISSUER%,%UPSTREAM_PEER_DNS_SAN%,"
    "%UPSTREAM_PEER_IP_SAN%,%UPSTREAM_PEER_URI_SAN%,%UPSTREAM_PEER_CERT_V_START%"
    " local=%UPSTREAM_LOCAL_URI_SAN%,%UPSTREAM_LOCAL_DNS_SAN%\n"
)
CA = "validation_context: {trusted_ca: {filename: $certs/ca.pem}}"
IGNORED = r"\.ssl\.certificate\."
CLI = (
    "tls_certificates: [{certificate_chain: {filename: $certs/cli.pem},"
    " private_key: {filename: $certs/cli.key}}]"
)

DEFAULT = TlsServer()


def socket(common: str = "", more: str = "") -> str:
    """A transport socket of a cluster as a YAML flow mapping."""
    fields = ", ".join(part for part in (f"common_tls_context: {{{common}}}", more) if part)
    config = f'{{"@type": {CONTEXT}.UpstreamTlsContext, {fields}}}'
    return f"{{name: envoy.transport_sockets.tls, typed_config: {config}}}"


def up(
    name: str,
    *steps: Step | bytes,
    common: str = CA,
    more: str = "sni: a.test",
    server: TlsServer | None = DEFAULT,
    script: Script | None = None,
    clusters: str = "",
    upstream_tls: Mapping[str, TlsServer] | None = None,
    upstreams: Mapping[str, Script] | None = None,
    ignore: str = "",
    unordered: bool = False,
    log: str = LOG,
) -> Case:
    """A cluster whose upstream speaks TLS."""
    secured = socket(common, more)
    given = upstream_tls if upstream_tls is not None else ({"up": server} if server else {})
    return Case(
        name, steps or (get("/x"),), log_format=log,
        clusters=clusters or f"[{{name: $be, hosts: [$up], transport_socket: {secured}}}]",
        upstream_tls=given, unordered=unordered,
        upstreams=upstreams or {"up": script or Script([reply()])},
        ignore_stats="|".join(part for part in (IGNORED, ignore) if part),
    )  # fmt: skip


def matched(kind: str, matcher: str) -> str:
    """A validation context with one matcher."""
    return (
        "validation_context: {trusted_ca: {filename: $certs/ca.pem}, "
        f"match_typed_subject_alt_names: [{{san_type: {kind}, matcher: {{{matcher}}}}}]}}"
    )


def lenient(field: str) -> str:
    """A validation context with another field."""
    return f"validation_context: {{trusted_ca: {{filename: $certs/ca.pem}}, {field}}}"


def params(text: str) -> str:
    """`tls_params` with trust."""
    return f"tls_params: {{{text}}}, {CA}"


MATCHES = (
    "[{{name: $be, transport_socket_matches: [{{name: secured, match: {{secure: true}},"
    " transport_socket: {socket}}}, {{name: plain, match: {{}}, transport_socket: "
    "{{name: envoy.transport_sockets.raw_buffer, typed_config: "
    '{{"@type": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3'
    ".RawBuffer}}}}}}],"
    " load_assignment: {{cluster_name: $be, endpoints: [{{lb_endpoints: ["
    "{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: $up}}}}}},"
    " metadata: {{filter_metadata: {{envoy.transport_socket_match: {{secure: true}}}}}}}},"
    "{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: $plain}}}}}}}}"
    "]}}]}}}}]"
)

CASES = (
    up("up_tls_verified"),
    up("up_tls_unverified", common=""),
    up("up_tls_two_requests", *once(get("/1")), *once(get("/2"))),
    up("up_tls_13", common=params("tls_maximum_protocol_version: TLSv1_3")),
    up("up_tls_12_server", server=TlsServer(highest="TLSv1_2")),
    up("up_tls_13_server", server=TlsServer(lowest="TLSv1_3")),
    up("up_tls_rsa", server=TlsServer("rsa")),
    up("up_tls_no_sni", more=""),
    up("up_tls_unknown_ca", server=TlsServer("stranger")),
    up("up_tls_self_signed", server=TlsServer("own")),
    up(
        "up_tls_self_signed_trusted",
        server=TlsServer("own"),
        common="validation_context: {trusted_ca: {filename: $certs/own.pem}}",
    ),
    up("up_tls_expired", server=TlsServer("expired")),
    up(
        "up_tls_expired_allowed",
        server=TlsServer("expired"),
        common=lenient("allow_expired_certificate: true"),
    ),
    up("up_tls_future", server=TlsServer("future")),
    up("up_tls_purpose", server=TlsServer("client_only")),
    up("up_tls_deep", server=TlsServer("deep_chain")),
    up("up_tls_deep_without_middle", server=TlsServer("deep")),
    up("up_tls_san_exact", common=matched("DNS", "exact: a.test")),
    up("up_tls_san_wildcard", common=matched("DNS", "exact: w.b.test")),
    up("up_tls_san_wrong", common=matched("DNS", "exact: z.test")),
    up("up_tls_san_type", common=matched("URI", "exact: a.test")),
    up("up_tls_san_suffix", common=matched("DNS", "suffix: .test")),
    up(
        "up_tls_untrusted_accepted",
        server=TlsServer("stranger"),
        common=lenient("trust_chain_verification: ACCEPT_UNTRUSTED"),
    ),
    up("up_tls_auto_san", more="sni: a.test, auto_sni_san_validation: true"),
    up("up_tls_auto_san_wrong", more="sni: z.test, auto_sni_san_validation: true"),
    up("up_tls_client_certificate", common=f"{CLI}, {CA}", server=TlsServer(trusts="ca")),
    up("up_tls_client_certificate_missing", server=TlsServer(trusts="ca", highest="TLSv1_2")),
    up(
        "up_tls_client_certificate_unknown",
        common=f"{CLI}, {CA}",
        server=TlsServer(trusts="other", highest="TLSv1_2"),
    ),
    up("up_tls_plain_server", server=None),
    up("up_tls_server_closes", server=None, script=tcp(Take(1), Close())),
    up(
        "up_tls_alpn",
        common=f"alpn_protocols: [http/1.1], {CA}",
        server=TlsServer(alpn=("http/1.1",)),
    ),
    up("up_tls_alpn_ignored", common=f"alpn_protocols: [http/1.1], {CA}"),
    up(
        "up_tls_cipher",
        common=params("cipher_suites: [ECDHE-ECDSA-AES256-GCM-SHA384]"),
        server=TlsServer(highest="TLSv1_2"),
    ),
    up(
        "up_tls_no_shared_cipher",
        common=params("cipher_suites: [ECDHE-ECDSA-AES256-GCM-SHA384]"),
        server=TlsServer(highest="TLSv1_2", ciphers="ECDHE-ECDSA-AES128-GCM-SHA256"),
    ),
    up(
        "up_tls_resumed",
        *once(get("/1", headers="Connection: close\r\n")),
        *once(get("/2")),
        script=Script([reply(headers="Connection: close\r\n")]),
        server=TlsServer(highest="TLSv1_2"),
        log=LOG.replace(",%UPSTREAM_TLS_GROUP%", ""),
        ignore=r"\.ssl\.(curves|sigalgs)\.",
    ),
    up(
        "up_tls_no_session_keys",
        *once(get("/1")),
        *once(get("/2")),
        more="sni: a.test, max_session_keys: 0",
        script=Script([reply(headers="Connection: close\r\n")]),
        server=TlsServer(highest="TLSv1_2"),
    ),
    up("up_tls_large", script=Script([reply(body=b"x" * 300_000)])),
    up(
        "up_tls_socket_matches",
        *once(get("/1")),
        *once(get("/1")),
        clusters=MATCHES.format(socket=socket(CA, "sni: a.test")),
        upstreams={"up": Script([reply()]), "plain": Script([reply()])},
        upstream_tls={"up": TlsServer()},
        ignore="total_match_count",
        unordered=True,
    ),
)
