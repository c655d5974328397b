"""SNI and names of certificates by the request's host: `upstream_http_protocol_options`."""

from __future__ import annotations

from tests.interop.cases.http2_upstream import OPTIONS
from tests.interop.cases.tls_upstream import CA, IGNORED, LOG, matched, socket
from tests.interop.model import Case, Step, once
from tests.support.client import get
from tests.support.upstream import Script, TlsServer, reply

BOTH = "auto_sni: true, auto_san_validation: true"
SNI = "auto_sni: true"
SAN = "auto_san_validation: true"


def auto(
    name: str,
    *hosts: str,
    options: str = SNI,
    common: str = CA,
    more: str = "",
    steps: tuple[Step, ...] = (),
    route: str = "",
    secure: bool = True,
    ignore: str = "",
) -> Case:
    """A cluster that takes names from requests, and requests for these hosts."""
    secured = f", transport_socket: {socket(common, more)}" if secure else ""
    protocol = (
        f"{{'@type': type.googleapis.com/{OPTIONS}, upstream_http_protocol_options: {{{options}}},"
        " explicit_http_config: {http_protocol_options: {}}}"
    )
    cluster = (
        "{name: $be, hosts: [$up],"
        f" typed_extension_protocol_options: {{{OPTIONS}: {protocol}}}{secured}}}"
    )
    asked = tuple(step for host in hosts for step in once(get(host=host)))
    return Case(
        name, steps or asked, clusters=f"[{cluster}]", log_format=LOG,
        routes=f"[{{match: {{prefix: /}}, route: {{cluster: $be, timeout: 2s{route}}}}}]",
        upstream_tls={"up": TlsServer()} if secure else {},
        upstreams={"up": Script([reply()])},
        ignore_stats="|".join(part for part in (IGNORED, ignore) if part),
    )  # fmt: skip


def header(value: str) -> tuple[Step, ...]:
    """A request with the header that names the server."""
    return once(get(host="a.test", headers=f"x-server: {value}\r\n"))


FROM_HEADER = f"{BOTH}, override_auto_sni_header: x-server"

CASES = (
    auto("auto_sni", "a.test"),
    auto("auto_sni_two_hosts", "a.test", "c.b.test", "a.test"),
    auto("auto_sni_same_host_other_case", "a.test", "A.TEST"),
    auto("auto_sni_port", "a.test:8443", "a.test"),
    auto("auto_sni_ip", "127.0.0.1:80"),
    auto("auto_sni_ip6", "[::1]:80"),
    auto("auto_sni_over_sni", "a.test", more="sni: other.test"),
    auto("auto_sni_ip_and_sni", "127.0.0.1", more="sni: other.test"),
    auto("auto_sni_rewritten", "a.test", route=", host_rewrite_literal: c.b.test"),
    auto("auto_sni_plain", "a.test", "b.test", secure=False),
    auto("auto_san", "a.test", options=BOTH),
    auto("auto_san_wildcard", "c.b.test", options=BOTH),
    auto("auto_san_wrong", "two.test", options=BOTH),
    auto("auto_san_two_hosts", "two.test", "a.test", "a.test", options=BOTH),
    auto("auto_san_case", "A.test", options=BOTH),
    auto("auto_san_ip", "127.0.0.1", options=BOTH),
    auto("auto_san_ip_wrong", "127.0.0.2", options=BOTH),
    auto("auto_san_alone", "a.test", "two.test", options=SAN),
    auto("auto_san_and_sni", "a.test", "two.test", options=SAN, more="sni: other.test"),
    auto("auto_san_without_trust", "two.test", options=BOTH, common=""),
    auto(
        "auto_san_and_matcher", "a.test", options=BOTH, common=matched("DNS", "exact: '*.b.test'")
    ),
    auto(
        "auto_san_and_wrong_matcher",
        "a.test",
        options=BOTH,
        common=matched("DNS", "exact: no.test"),
    ),
    auto("auto_names_off", "two.test", options="auto_sni: false", more="sni: a.test"),
    auto("auto_sni_of_header", steps=header("c.b.test"), options=FROM_HEADER),
    auto("auto_sni_of_header_port", steps=header("c.b.test:99"), options=FROM_HEADER),
    auto("auto_sni_of_wrong_header", steps=header("two.test"), options=FROM_HEADER),
    auto("auto_sni_without_header", "a.test", options=FROM_HEADER),
    auto("auto_sni_of_empty_header", steps=header(""), options=FROM_HEADER),
)
