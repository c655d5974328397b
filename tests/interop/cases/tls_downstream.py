"""TLS of clients: versions, suites, certificates, ALPN, resumption, and what ends a handshake."""

from __future__ import annotations

from dataclasses import replace

from tests.interop.config import FILE_LOG
from tests.interop.model import Case, Differs, End, Read, Secure, Step, Wait, Write
from tests.support.client import get

CONTEXT = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"
SRV = "{certificate_chain: {filename: $certs/srv.pem}, private_key: {filename: $certs/srv.key}}"
LOG = (
    "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% flags=%RESPONSE_FLAGS% sni=%REQUESTED_SERVER_NAME%"
    " tls=%DOWNSTREAM_TLS_VERSION%,%DOWNSTREAM_TLS_CIPHER%,%DOWNSTREAM_TLS_GROUP%"
    " peer=%DOWNSTREAM_PEER_SUBJECT%,%DOWNSTREAM_PEER_ISSUER%,%DOWNSTREAM_PEER_SERIAL%,"
    "%DOWNSTREAM_PEER_FINGERPRINT_256%,%DOWNSTREAM_PEER_FINGERPRINT_1%,%DOWNSTREAM_PEER_URI_SAN%,"
    "%DOWNSTREAM_PEER_DNS_SAN%,%DOWNSTREAM_PEER_IP_SAN%,%DOWNSTREAM_PEER_EMAIL_SAN%,"
    "%DOWNSTREAM_PEER_CERT%"
    " local=%DOWNSTREAM_LOCAL_SUBJECT%,%DOWNSTREAM_LOCAL_DNS_SAN%,%DOWNSTREAM_LOCAL_URI_SAN%,"
    "%DOWNSTREAM_LOCAL_IP_SAN%"
    " valid=%DOWNSTREAM_PEER_CERT_V_START%,%DOWNSTREAM_PEER_CERT_V_END(%Y)%"
    " chain=%DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256%,%DOWNSTREAM_PEER_CHAIN_SERIALS%"
    " issuer=%DOWNSTREAM_PEER_ISSUER_SERIAL%,%DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256%"
    " proto=%REQ(X-FORWARDED-PROTO)% scheme=%REQ(:SCHEME)%"
    " xfcc=%REQ(X-FORWARDED-CLIENT-CERT)%\n"
)
LISTENER_LOG = (
    "listener %RESPONSE_FLAGS% tls=%DOWNSTREAM_TLS_VERSION%"
    " fail=%DOWNSTREAM_TRANSPORT_FAILURE_REASON% close=%DOWNSTREAM_LOCAL_CLOSE_REASON%"
    " ends=%DOWNSTREAM_DETECTED_CLOSE_TYPE%\\n"
)
STATS = r"^(listener|http|cluster)\."
# Expiration is named by a hash of the configuration's bytes.
IGNORED = r"\.ssl\.certificate\."

# rustls does not tell what the first connection of a session agreed on.
RESUMED = r"\.ssl\.(curves|sigalgs)\."
ROUTER = (
    "[{name: envoy.filters.http.router, typed_config: "
    '{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]'
)
CA = "trusted_ca: {filename: $certs/ca.pem}"


def socket(common: str = "", more: str = "", certificates: str = SRV) -> str:
    """A transport socket of a filter chain as a YAML flow mapping."""
    inner = ", ".join(part for part in (f"tls_certificates: [{certificates}]", common) if part)
    fields = ", ".join(part for part in (f"common_tls_context: {{{inner}}}", more) if part)
    config = f'{{"@type": {CONTEXT}.DownstreamTlsContext, {fields}}}'
    return f"{{name: envoy.transport_sockets.tls, typed_config: {config}}}"


def tls(
    name: str,
    *steps: Step | bytes,
    common: str = "",
    more: str = "",
    certificates: str = SRV,
    hcm: str = "",
    chain: str = "",
    routes: str = "[{match: {prefix: /}, route: {cluster: $be}}]",
    virtual_hosts: str = "",
    ignore: str = "",
    filters: str = ROUTER,
) -> Case:
    """A listener whose connections are TLS, with logs of all that is known of that."""
    manager = (
        '{"@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3'
        ".HttpConnectionManager, stat_prefix: $http, delayed_close_timeout: 0.1s, "
        f"route_config: {{name: local, virtual_hosts: {virtual_hosts or _host(routes)}}}, "
        f"access_log: [{_log(LOG)}], "
        f"http_filters: {filters}{', ' + hcm if hcm else ''}}}"
    )
    network = f"[{{name: hcm, typed_config: {manager}}}]"
    extra = f", {chain}" if chain else ""
    secured = socket(common, more, certificates)
    return Case(
        name, tuple(steps), stats=STATS,
        ignore_stats="|".join(part for part in (IGNORED, ignore) if part),
        listener=f"filter_chains: [{{filters: {network}, transport_socket: {secured}{extra}}}]\n"
        f"access_log: [{_log(LISTENER_LOG)}]\n",
    )  # fmt: skip


def _host(routes: str) -> str:
    return f'[{{name: vh, domains: ["*"], routes: {routes}}}]'


def _log(text: str) -> str:
    line = text.replace("\n", "\\n")
    source = f'{{text_format_source: {{inline_string: "{line}"}}}}'
    config = f'{{"@type": {FILE_LOG}, path: $dir/access.log, log_format: {source}}}'
    return f"{{name: file, typed_config: {config}}}"


def asked(secure: Secure | None = None, path: str = "/x") -> tuple[Step, ...]:
    """A handshake, a request and its answer."""
    return (secure or Secure(), Write(get(path)), Read(), End())


def refused(secure: Secure) -> tuple[Step, ...]:
    """A handshake that fails; what the client has sent by then does not matter."""
    return (secure, Write(get("/x")), Read(), End())


def certificate(name: str, chain: str = "") -> str:
    """A certificate of the set as a TlsCertificate."""
    key = f"private_key: {{filename: $certs/{name}.key}}"
    return f"{{certificate_chain: {{filename: $certs/{chain or name}.pem}}, {key}}}"


VALIDATED = f"validation_context: {{{CA}}}"


def params(text: str) -> str:
    """`tls_params`."""
    return f"tls_params: {{{text}}}"


TWELVE = Secure(highest="TLSv1_2")
SECRET = "password: {inline_string: secret}"


def sealed(key: str) -> str:
    """The certificate of `srv`, whose key has a password."""
    chain = "certificate_chain: {filename: $certs/srv.pem}"
    return f"{{{chain}, private_key: {{filename: $certs/{key}}}, {SECRET}}}"


CASES = (
    tls("tls_13", *asked()),
    tls("tls_12", *asked(TWELVE)),
    tls("tls_key_with_password", *asked(), certificates=sealed("sealed.key")),
    tls("tls_old_key_with_password", *asked(), certificates=sealed("legacy.key")),
    tls(
        "tls_pkcs12",
        *asked(),
        certificates=f"{{pkcs12: {{filename: $certs/srv.p12}}, {SECRET}}}",
    ),
    tls(
        "tls_pkcs12_without_password",
        *asked(),
        certificates="{pkcs12: {filename: $certs/open.p12}}",
    ),
    tls("tls_two_requests", Secure(), Write(get("/1")), Read(), Write(get("/2")), Read(), End()),
    tls("tls_without_sni", *asked(Secure(name=""))),
    tls(
        "tls_only_13",
        *asked(),
        *refused(Secure("b", highest="TLSv1_2")),
        common=params("tls_minimum_protocol_version: TLSv1_3"),
    ),
    tls("tls_only_12", *asked(), common=params("tls_maximum_protocol_version: TLSv1_2")),
    tls(
        "tls_no_shared_version",
        *refused(Secure(lowest="TLSv1_3")),
        common=params("tls_maximum_protocol_version: TLSv1_2"),
    ),
    tls(
        "tls_old_client",
        *refused(Secure(lowest="TLSv1", highest="TLSv1_1", ciphers="ALL:@SECLEVEL=0")),
    ),
    *(
        tls(
            f"tls_cipher_{number}",
            *asked(Secure(highest="TLSv1_2", ciphers=suite)),
            certificates=certificate("rsa" if "RSA" in suite else "srv"),
        )
        for number, suite in enumerate(
            (
                "ECDHE-ECDSA-AES128-GCM-SHA256",
                "ECDHE-ECDSA-AES256-GCM-SHA384",
                "ECDHE-ECDSA-CHACHA20-POLY1305",
                "ECDHE-RSA-AES128-GCM-SHA256",
                "ECDHE-RSA-AES256-GCM-SHA384",
                "ECDHE-RSA-CHACHA20-POLY1305",
            )
        )
    ),
    tls(
        "tls_server_prefers",
        *asked(
            Secure(
                highest="TLSv1_2",
                ciphers="ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
            )
        ),
    ),
    tls(
        "tls_configured_order",
        *asked(TWELVE),
        common=params(
            "cipher_suites: [ECDHE-ECDSA-AES256-GCM-SHA384, ECDHE-ECDSA-AES128-GCM-SHA256]"
        ),
    ),
    tls(
        "tls_no_shared_cipher",
        *refused(Secure(highest="TLSv1_2", ciphers="ECDHE-ECDSA-AES256-GCM-SHA384")),
        common=params("cipher_suites: [ECDHE-ECDSA-AES128-GCM-SHA256]"),
    ),
    tls("tls_cbc_client", *refused(Secure(highest="TLSv1_2", ciphers="AES128-SHA:@SECLEVEL=0"))),
    tls("tls_curve", *asked(), common=params("ecdh_curves: [P-256]")),
    tls("tls_curve_384", *asked(), common=params("ecdh_curves: [P-384]")),
    tls("tls_plain_http", Write(get("/x")), End()),
    tls("tls_garbage", Write(b"SSH-2.0-x\r\n"), End()),
    tls("tls_alpn_http1", *asked(Secure(alpn=("http/1.1",))), common="alpn_protocols: [http/1.1]"),
    tls(
        "tls_alpn_second",
        *asked(Secure(alpn=("foo", "http/1.1"))),
        common="alpn_protocols: [http/1.1]",
    ),
    tls("tls_alpn_none_shared", *asked(Secure(alpn=("foo",))), common="alpn_protocols: [http/1.1]"),
    tls("tls_alpn_not_configured", *asked(Secure(alpn=("http/1.1",)))),
    tls(
        "tls_rsa_and_ecdsa",
        *asked(),
        *asked(Secure("b", highest="TLSv1_2", ciphers="ECDHE-RSA-AES128-GCM-SHA256")),
        certificates=f"{certificate('rsa')}, {SRV}",
    ),
    *(
        tls(
            f"tls_sni_{label}",
            *asked(Secure(name=name)),
            certificates=f"{certificate('two')}, {SRV}",
        )
        for label, name in (
            ("exact", "a.test"),
            ("wildcard", "x.b.test"),
            ("two", "two.test"),
            ("deeper", "x.y.b.test"),
            ("unknown", "nowhere.test"),
            ("none", ""),
        )
    ),
    tls(
        "tls_sni_upper_case",
        *asked(Secure(name="A.TEST")),
        certificates=f"{certificate('two')}, {SRV}",
    ),
    tls(
        "tls_full_scan",
        *asked(Secure(name="nowhere.test")),
        certificates=f"{certificate('two')}, {SRV}",
        more="full_scan_certs_on_sni_mismatch: true",
    ),
    tls("tls_chain_is_sent", *asked(), certificates=certificate("deep", "deep_chain")),
    tls(
        "tls_resumed_12",
        *asked(TWELVE),
        *asked(Secure("b", highest="TLSv1_2", resume="a")),
        ignore=RESUMED,
    ),
    tls("tls_resumed_13", *asked(), *asked(Secure("b", resume="a"))),
    tls(
        "tls_no_resumption_13",
        *asked(),
        *asked(Secure("b", resume="a")),
        more="disable_stateless_session_resumption: true, "
        "disable_stateful_session_resumption: true",
    ),
    tls(
        "tls_no_resumption_12",
        *asked(TWELVE),
        *asked(Secure("b", highest="TLSv1_2", resume="a")),
        more="disable_stateless_session_resumption: true, "
        "disable_stateful_session_resumption: true",
    ),
    tls(
        "tls_ticket_keys",
        *asked(),
        *asked(Secure("b", resume="a")),
        more=f"session_ticket_keys: {{keys: [{{inline_string: {'k' * 80}}}]}}",
    ),
    tls(
        "tls_silent_client",
        Wait(0.5),
        End(within=1.0),
        chain="transport_socket_connect_timeout: 0.2s",
    ),
    tls(
        "tls_post",
        Secure(),
        Write(b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 40000\r\n\r\n" + b"x" * 40000),
        Read(),
        End(),
    ),
)

_UPPER_CASE = Differs("rustls compares the names of SNI without case, as RFC 6066 says", (200,))
CASES = tuple(
    replace(case, differs=_UPPER_CASE) if case.name == "tls_sni_upper_case" else case
    for case in CASES
)
