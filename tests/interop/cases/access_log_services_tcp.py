"""Access logs of TCP connections and of TLS that go to services."""

from __future__ import annotations

from tests.interop.cases.grpc_access_log import UP
from tests.interop.cases.tcp_proxy import tcp_filter
from tests.interop.cases.tls_client_certificates import CLI, REQUIRED
from tests.interop.cases.tls_downstream import VALIDATED, asked, socket
from tests.interop.config import HCM
from tests.interop.log_services import CLUSTERS, QUIET_ROUTER, als, otlp
from tests.interop.model import Case, End, HalfClose, Open, Receive, Secure, Step, Write
from tests.support.telemetry_service import TelemetryScript
from tests.support.upstream import Echo, tcp

ON_CONNECTED = "access_log_options: {flush_access_log_on_connected: true}"
RECORD = "body: {string_value: '%BYTES_SENT% %RESPONSE_FLAGS% %UPSTREAM_CLUSTER%'}"
TAGS = (
    "custom_tags: [{tag: a, literal: {value: x}}, {tag: b, value: '%PROTOCOL%'},"
    " {tag: c, request_header: {name: x, default_value: d}}]"
)
TALK: tuple[Step, ...] = (Write(b"hello"), Receive(5), HalfClose(), End())
INSPECTOR = (
    '{name: tls, typed_config: {"@type": type.googleapis.com/'
    "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector,"
    " enable_ja3_fingerprinting: true}}"
)


def proxied(
    name: str,
    *steps: Step,
    log: str = "",
    fields: str = "",
    cluster: str = "cluster: $be",
    expect: int = 1,
    listener: str = "",
) -> Case:
    """Bytes through a tcp_proxy whose log a service gets."""
    proxy = tcp_filter(fields, cluster, log or als(kind="Tcp"))
    return Case(
        f"tcp_log_{name}",
        steps or TALK,
        listener=f"{{filter_chains: [{{filters: [{proxy}]}}], {listener}}}",
        clusters=CLUSTERS,
        upstreams={"up": tcp(Echo()), "sink": TelemetryScript(expect)},
        stats="",
    )


def secured(name: str, *steps: Step, common: str = "", more: str = "", log: str = "") -> Case:
    """A request over TLS whose log a service gets."""
    config = (
        f'{{"@type": {HCM}, stat_prefix: $http, access_log: [{log or als()}],'
        f" http_filters: [{QUIET_ROUTER}], route_config: {{virtual_hosts: [{{name: vh,"
        ' domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 204}}]}]}}'
    )
    chain = f"filters: [{{name: hcm, typed_config: {config}}}], transport_socket: "
    return Case(
        f"tls_log_{name}",
        steps or asked(),
        clusters=CLUSTERS,
        stats="",
        listener=f"{{filter_chains: [{{{chain}{socket(common, more)}}}]}}",
        upstreams={"up": UP, "sink": TelemetryScript(1)},
    )


CASES = (
    proxied("talk"),
    # A byte of the client's may come before the end of its connection, and would make that a reset.
    proxied("refused", Open(), End(within=1.0), cluster="cluster: $down"),
    proxied("connected", fields=ON_CONNECTED, expect=2),
    proxied("http_kind", log=als()),
    proxied("tags", log=als(TAGS, kind="Tcp")),
    proxied("otlp", log=otlp(RECORD)),
    proxied("sni", Secure(name="b.test"), End(), listener=f"listener_filters: [{INSPECTOR}]"),
    secured("1_3"),
    secured("1_2", *asked(Secure(highest="TLSv1_2"))),
    secured("client", *asked(CLI), common=VALIDATED, more=REQUIRED),
    secured("otlp", *asked(CLI), common=VALIDATED, more=REQUIRED, log=otlp(
        "body: {string_value: '%DOWNSTREAM_PEER_SUBJECT% %DOWNSTREAM_TLS_VERSION%'}")),
)  # fmt: skip
