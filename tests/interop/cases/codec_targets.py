"""Request targets, methods, and the case of header names."""

from __future__ import annotations

from tests.interop.cases.hcm_options import PRESERVE_CASE, asked
from tests.interop.model import Case, once
from tests.support.client import get, post
from tests.support.upstream import Script, reply

OPTIONS = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def formatter(more: str = "") -> str:
    """A stateful formatter."""
    return (
        "header_key_format: {stateful_formatter: {name: preserve_case,"
        f' typed_config: {{"@type": {PRESERVE_CASE}{more}}}}}}}'
    )


def preserving(
    name: str, listener: bool, cluster: bool, *requests: bytes, answer: str = ""
) -> Case:
    """Header names as the peers wrote them, on either side."""
    options = f"""
- name: $be
  hosts: [$up]
  typed_extension_protocol_options:
    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
      "@type": {OPTIONS}
      explicit_http_config: {{http_protocol_options: {{{formatter()}}}}}
"""
    return Case(
        name,
        requests
        or (
            get("/x", headers="X-oNe: 1\r\nx-ONE: 2\r\nUser-AGENT: u\r\nplain: p\r\n"),
            post("/x", b"abc", headers="X-Envoy-Foo: 1\r\n"),
        ),
        hcm=f"http_protocol_options: {{{formatter()}}}" if listener else "",
        clusters=options if cluster else "[{name: $be, hosts: [$up]}]",
        upstreams={
            "up": Script([reply(200, b"x", answer or "X-uP: 1\r\nServer: S\r\nETag: e\r\n")])
        },
    )


CASES = (
    Case(
        "absolute_url_refused",
        (
            b"GET http://b.test/q HTTP/1.1\r\nHost: a.test\r\n\r\n",
            b"GET /q HTTP/1.1\r\nHost: a.test\r\n\r\n",
        ),
        hcm="http_protocol_options: {allow_absolute_url: false}",
    ),
    asked(
        "absolute_urls",
        "",
        b"GET HTTP://b.test/q HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"GET http://b.test?x=1 HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"GET http://b.test:80/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"GET http://b.test/a//b/../c HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"GET http://[::1]:8080/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"OPTIONS http://b.test HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"GET http://b.test/q HTTP/1.1\r\n\r\n",
    ),
    *(
        Case(
            f"absolute_url_bad_{n}",
            once(b"GET " + u + b" HTTP/1.1\r\nHost: a.test\r\n\r\n", within=2),
        )
        for n, u in enumerate(
            (
                b"http://",
                b"http:///x",
                b"ftp://b.test/x",
                b"http:/b.test/x",
                b"http://u@b.test/x",
                b"http://b.test:x/",
                b"://b.test/x",
                b"http://b.test/#f",
                b"*",
            )
        )
    ),
    Case(
        "connect_targets",
        tuple(
            b"CONNECT " + target + b" HTTP/1.1\r\nHost: a.test:80\r\n\r\n"
            for target in (b"a.test", b"a.test:", b"a.test:80", b"[::1]:80", b"a.test:x", b":80")
        ),
        routes="[{match: {connect_matcher: {}}, direct_response: {status: 201}}]",
        clusters="[]",
        upstreams={},
    ),
    Case(
        "custom_methods",
        (
            b"FOO /x HTTP/1.1\r\nHost: a.test\r\n\r\n",
            b"get /x HTTP/1.1\r\nHost: a.test\r\n\r\n",
            b"M-SEARCH /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nab",
        ),
        hcm="http_protocol_options: {allow_custom_methods: true}",
    ),
    Case(
        "chunked_length_allowed",
        once(
            b"POST /p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        ),
        hcm="http_protocol_options: {allow_chunked_length: true}",
    ),
    preserving("preserve_case_listener", True, False),
    preserving("preserve_case_cluster", False, True),
    preserving("preserve_case_both", True, True),
    preserving(
        "preserve_case_upper",
        True,
        True,
        b"POST /x HTTP/1.1\r\nHOST: a.test\r\nTRANSFER-ENCODING: chunked\r\nCONTENT-TYPE: t\r\n\r\n"
        b"3\r\nabc\r\n0\r\n\r\n",
    ),
    Case(
        "preserve_case_with_route_headers",
        (get("/x", headers="X-hDr: 1\r\n"),),
        hcm=f"http_protocol_options: {{{formatter()}}}",
        routes="""
- match: {prefix: /}
  route: {cluster: $be}
  request_headers_to_add: [{header: {key: X-Hdr, value: b}}, {header: {key: X-New, value: n}}]
""",
    ),
)
