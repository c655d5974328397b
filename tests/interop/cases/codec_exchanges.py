"""More than a request and an answer: interim answers, trailers, early ends, no bodies."""

from __future__ import annotations

from tests.interop.model import Case, Differs, Drop, End, HalfClose, Read, Step, Wait, Write, once
from tests.support.client import get, post
from tests.support.upstream import Answer, Close, Hold, ReadBody, Script, Sleep, raw, reply

OK = b"HTTP/1.1 200 OK\r\n"
LATER = OK + b"Content-Length: 2\r\n\r\nok"
CHUNKED = b"POST /p HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n"
TRAILERS = "http_protocol_options: {enable_trailers: true}"
UPSTREAM_OPTIONS = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
EXPECT = (
    b"POST /p HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
)


def cluster_http1(options: str) -> str:
    """A cluster with options of HTTP/1."""
    return f"""
- name: $be
  hosts: [$up]
  typed_extension_protocol_options:
    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
      "@type": {UPSTREAM_OPTIONS}
      explicit_http_config: {{http_protocol_options: {{{options}}}}}
"""


def interim(name: str, *heads: bytes, hcm: str = "proxy_100_continue: true") -> Case:
    """1xx answers before the answer, which the proxy may pass on."""
    return Case(
        name,
        (Write(get("/x")), Read(), Write(get("/y")), Read(), End()),
        hcm=hcm,
        upstreams={"up": Script([raw(b"".join(heads) + LATER), reply(200, b"second")])},
    )


def early(
    name: str, *actions: bytes | Answer, request: bytes = b"", steps: tuple[Step, ...] = ()
) -> Case:
    """An answer that starts before the request is complete."""
    start = request or b"POST /p HTTP/1.1\r\nHost: example.com\r\nContent-Length: 10\r\n\r\nabc"
    return Case(
        name,
        (Write(start), *(steps or (Read(), End(within=2)))),
        upstreams={"up": Script([raw(*actions, early=True)])},
        ignore_stats="rq_per_cx",
    )


def method(name: str, verb: str, *answers: Answer, hcm: str = "") -> Case:
    """Requests with one method on one connection, an answer each."""
    data = get("/x").replace(b"GET", verb.encode())
    steps = tuple(step for _ in answers for step in (Write(data), Read(verb)))
    return Case(name, (*steps, End()), hcm=hcm, upstreams={"up": Script(answers)})


def named(name: str, listed: str, request: bytes = b"") -> Case:
    """A request whose Connection header names others."""
    data = request or get("/x")
    return Case(
        name, once(data.replace(b"\r\n", f"\r\nConnection: {listed}\r\n".encode(), 1), within=2)
    )


def local(name: str, request: bytes, verb: str = "GET", hcm: str = "") -> Case:
    """A request that the proxy answers itself, by a route of each kind."""
    routes = """
- {match: {path: /direct}, direct_response: {status: 200, body: {inline_string: hello}}}
- {match: {path: /empty}, direct_response: {status: 204}}
- {match: {path: /redirect}, redirect: {path_redirect: /x}}
- {match: {path: /up}, route: {cluster: $be}}
- {match: {path: /nobody}, route: {cluster: $none}}
"""
    steps = tuple(
        step
        for number, path in enumerate((b"direct", b"empty", b"redirect", b"up", b"nobody", b"no"))
        for step in (
            Write(request.replace(b"PATH", path), on=str(number)),
            Read(verb, on=str(number)),
            End(on=str(number), within=0.4),
        )
    )
    clusters = "[{name: $be, hosts: [$up]}, {name: $none, hosts: []}]"
    return Case(name, steps, routes=routes, clusters=clusters, hcm=hcm)


CONTINUE = b"HTTP/1.1 100 Continue\r\nX-I: 1\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\nX-I: 2\r\n\r\n"
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

CASES = (
    interim("interim_100_passed", CONTINUE),
    interim("interim_100_twice_passed", CONTINUE, CONTINUE),
    interim("interim_102_passed", PROCESSING),
    interim("interim_103_passed", EARLY_HINTS),
    interim("interim_103_alone", EARLY_HINTS, hcm=""),
    interim("interim_104", b"HTTP/1.1 104 Upload\r\n\r\n"),
    interim("interim_199", b"HTTP/1.1 199 Odd\r\n\r\n"),
    interim("interim_100_with_length", b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n"),
    interim("interim_100_with_body", b"HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\nxx"),
    Case(
        "interim_then_failure_not_retried",
        once(get("/x")),
        routes="[{match: {prefix: /}, route: {cluster: $be, timeout: 0s,"
        " retry_policy: {retry_on: '5xx,reset'}}}]",
        upstreams={"up": Script([raw(CONTINUE, Sleep(0.05), Close()), reply()])},
    ),
    Case(
        "interim_then_503_not_retried",
        once(get("/x")),
        routes="[{match: {prefix: /}, route: {cluster: $be, timeout: 0s,"
        " retry_policy: {retry_on: 5xx}}}]",
        upstreams={
            "up": Script(
                [raw(CONTINUE + b"HTTP/1.1 503 Odd\r\nContent-Length: 0\r\n\r\n"), reply()]
            )
        },
    ),
    Case(
        "expect_proxied",
        (Write(EXPECT), Wait(0.1), Write(b"abc"), Read(), End()),
        hcm="proxy_100_continue: true",
        upstreams={"up": Script([raw(CONTINUE, ReadBody(), LATER, early=True)])},
    ),
    Case(
        "expect_refused",
        (Write(EXPECT), Read(), End(within=2)),
        upstreams={
            "up": Script([raw(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", Hold(), early=True)])
        },
        ignore_stats="rq_per_cx",
    ),
    Case("expect_with_body_at_once", once(EXPECT + b"abc")),
    Case("expect_upper_case", once(EXPECT.replace(b"100-continue", b"100-Continue") + b"abc")),
    Case(
        "expect_http_1_0",
        once(EXPECT.replace(b"HTTP/1.1", b"HTTP/1.0") + b"abc", within=2),
        differs=Differs("HTTP/1.0 has no interim answers: RFC 9110, section 15.2", (200,)),
        hcm="http_protocol_options: {accept_http_10: true}",
    ),
    Case(
        "expect_direct_response",
        (Write(EXPECT), Read(), End(within=2)),
        routes="[{match: {prefix: /}, direct_response: {status: 200}}]",
        clusters="[]",
        upstreams={},
    ),
    Case(
        "trailers_request_enabled",
        once(CHUNKED + b"3\r\nabc\r\n0\r\nX-T: 1\r\nY: 2\r\n\r\n"),
        hcm=TRAILERS,
        clusters=cluster_http1("enable_trailers: true"),
    ),
    Case(
        "trailers_request_enabled_downstream_only",
        once(CHUNKED + b"3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"),
        hcm=TRAILERS,
    ),
    Case(
        "trailers_response_enabled",
        once(get("/x", headers="TE: trailers\r\n")),
        hcm=TRAILERS,
        clusters=cluster_http1("enable_trailers: true"),
        upstreams={
            "up": Script(
                [
                    raw(
                        OK + b"Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
                        b"3\r\nabc\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\n"
                    )
                ]
            )
        },
        log_format="%RESPONSE_CODE% %TRAILER(X-T)% %BYTES_SENT%\n",
    ),
    Case(
        "trailers_response_enabled_upstream_only",
        once(get("/x")),
        clusters=cluster_http1("enable_trailers: true"),
        upstreams={
            "up": Script(
                [raw(OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n")]
            )
        },
        log_format="%RESPONSE_CODE% %TRAILER(X-T)% %BYTES_SENT%\n",
    ),
    Case(
        "trailers_response_enabled_downstream_only",
        once(get("/x")),
        hcm=TRAILERS,
        upstreams={
            "up": Script(
                [raw(OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n")]
            )
        },
        log_format="%RESPONSE_CODE% %TRAILER(X-T)% %BYTES_SENT%\n",
    ),
    Case(
        "trailers_bad_request",
        once(CHUNKED + b"3\r\nabc\r\n0\r\nX T: 1\r\n\r\n", within=3),
        stats=r"^(http|listener)\.",
        ignore_stats="rq_total",
    ),
    Case(
        "trailers_bad_request_enabled",
        once(CHUNKED + b"3\r\nabc\r\n0\r\nX T: 1\r\n\r\n", within=3),
        hcm=TRAILERS,
        stats=r"^(http|listener)\.",
        ignore_stats="rq_total",
    ),
    early("early_whole_then_silent", b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", Hold()),
    early(
        "early_then_client_goes_on",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nno",
        ReadBody(),
        b"ok",
        steps=(Wait(0.1), Write(b"defghij"), Read(), End(within=2)),
    ),
    early(
        "early_chunked_then_client_goes_on",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n",
        ReadBody(),
        b"2\r\nok\r\n0\r\n\r\n",
        steps=(Wait(0.1), Write(b"defghij"), Read(), End(within=2)),
    ),
    early(
        "early_then_upstream_closes",
        b"HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno",
        Sleep(0.1),
        Close(),
    ),
    early(
        "early_head_only_then_close",
        b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
        Sleep(0.1),
        Close(),
    ),
    early(
        "early_while_big_body_is_sent",
        b"HTTP/1.1 413 Big\r\nContent-Length: 4\r\nConnection: close\r\n\r\nno",
        Sleep(0.2),
        b"ok",
        Sleep(0.3),
        Close(),
        request=b"POST /p HTTP/1.1\r\nHost: example.com\r\nContent-Length: 200000\r\n\r\n"
        + b"x" * 100_000,
    ),
    Case(
        "client_goes_while_waiting",
        (Write(get("/x")), Wait(0.15), Drop(), Wait(0.15)),
        upstreams={"up": Script([raw(Hold())])},
    ),
    Case(
        "client_resets_while_waiting",
        (Write(get("/x")), Wait(0.15), Drop(reset=True), Wait(0.15)),
        upstreams={"up": Script([raw(Hold())])},
    ),
    Case(
        "client_goes_in_body",
        (Write(post("/x", b"abc", headers="")[:-1]), Wait(0.15), Drop(), Wait(0.15)),
        upstreams={"up": Script([raw(Hold())])},
        ignore_stats="rq_per_cx",
    ),
    Case(
        "client_goes_in_answer",
        (Write(get("/x")), Wait(0.2), Drop(), Wait(0.3)),
        upstreams={"up": Script([raw(OK + b"Content-Length: 10\r\n\r\nabc", Hold())])},
    ),
    Case(
        "client_goes_in_head",
        (Write(b"GET /x HTTP/1.1\r\nHo"), Wait(0.15), Drop(), Wait(0.15)),
    ),
    Case(
        "client_half_closes_in_head",
        (Write(b"GET /x HTTP/1.1\r\nHo"), Wait(0.1), HalfClose(), End(within=1)),
    ),
    Case(
        "client_half_closes_in_body",
        (
            Write(b"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nab"),
            Wait(0.1),
            HalfClose(),
            End(within=1),
        ),
        ignore_stats="rq_per_cx",
    ),
    Case("client_connects_and_goes", (Write(b""), Wait(0.1), Drop(), Wait(0.1))),
    method("head_twice", "HEAD", raw(OK + b"Content-Length: 5\r\n\r\n"), raw(OK + b"\r\n")),
    method("head_204", "HEAD", raw(b"HTTP/1.1 204 No\r\n\r\n"), reply(404, b"")),
    method(
        "head_304", "HEAD", raw(b"HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n"), reply(404, b"")
    ),
    Case(
        "head_upstream_sends_body",
        (Write(get("/x").replace(b"GET", b"HEAD")), Read("HEAD"), Wait(0.1), End()),
        upstreams={"up": Script([raw(OK + b"Content-Length: 2\r\n\r\nok")])},
    ),
    method("get_204_then_200", "GET", raw(b"HTTP/1.1 204 No\r\n\r\n"), reply()),
    method("get_205_with_body", "GET", reply(205, b"ok"), reply()),
    method("delete_with_answer", "DELETE", reply(200, b"gone"), reply()),
    method("trace_with_answer", "TRACE", reply(200, b"echo"), reply()),
    method(
        "head_http_1_0_until_close",
        "HEAD",
        raw(b"HTTP/1.0 200 OK\r\n\r\n", Close()),
        reply(200, b""),
    ),
    Case(
        "pipelined_head_get_post",
        (
            Write(get("/1").replace(b"GET", b"HEAD") + post("/2", b"abc") + get("/3")),
            Read("HEAD"),
            Read("POST"),
            Read(),
            End(),
        ),
    ),
    Case(
        "pipelined_slow_first",
        (Write(get("/slow") + get("/fast")), Read(), Read(), End()),
        upstreams={
            "up": Script([reply()], paths={"/slow": [raw(Sleep(0.2), LATER)], "/fast": [reply()]})
        },
    ),
    Case(
        "pipelined_then_close",
        (
            Write(get("/1") + get("/2", headers="Connection: close\r\n") + get("/3")),
            Read(),
            Read(),
            End(within=2),
        ),
    ),
    Case(
        "pipelined_chunked_then_get",
        (Write(CHUNKED + b"3\r\nabc\r\n0\r\n\r\n" + get("/2")), Read(), Read(), End()),
    ),
    Case(
        "pipelined_after_failed_upstream",
        (Write(get("/1") + get("/2")), Read(), Read(), End()),
        upstreams={"up": Script([raw(Close()), reply()])},
    ),
    Case(
        "pipelined_many_local",
        (Write(b"".join(get(f"/{n}") for n in range(9))), *[Read()] * 9, End()),
        differs=Differs(
            "Envoy closes when more than two answers wait to be written; Lateen reads no further"
            " while one does, and answers all",
            (200,) * 9,
        ),
        routes="[{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: x}}}]",
        clusters="[]",
        upstreams={},
    ),
    Case(
        "two_clients_one_upstream_connection",
        (
            Write(get("/1"), on="a"),
            Read(on="a"),
            Write(get("/2"), on="b"),
            Read(on="b"),
            End(on="a"),
            End(on="b"),
        ),
    ),
    Case(
        "close_in_a_list",
        once(get("/x", headers="Connection: foo, CLOSE , bar\r\nFoo: 1\r\n"), within=2),
    ),
    Case(
        "close_in_two_lines",
        once(get("/x", headers="Connection: foo\r\nConnection: close\r\nFoo: 1\r\n"), within=2),
    ),
    Case(
        "close_proxy_connection", once(get("/x", headers="Proxy-Connection: close\r\n"), within=2)
    ),
    named("connection_names_length", "Content-Length", post("/x", b"abc")),
    named("connection_names_coding", "Transfer-Encoding", CHUNKED + b"3\r\nabc\r\n0\r\n\r\n"),
    named("connection_names_host", "Host"),
    named("connection_names_xff", "X-Forwarded-For"),
    named("connection_names_forwarded_host", "close, x-forwarded-host"),
    named("connection_names_connection", "Connection, X-A", get("/x", headers="X-A: 1\r\n")),
    named("connection_names_ten", ", ".join(f"x-{n}" for n in range(10))),
    named("connection_names_nine", ", ".join(f"x-{n}" for n in range(9))),
    named("connection_names_empty", " , ,, x-a,"),
    named("connection_names_user_agent", "User-Agent", get("/x", headers="User-Agent: u\r\n")),
    named("connection_names_request_id", "x-request-id", get("/x", headers="x-request-id: u\r\n")),
    named("connection_names_envoy", "x-envoy-foo", get("/x", headers="x-envoy-foo: u\r\n")),
    named("connection_te_long", "TE", get("/x", headers=f"TE: trailers,{'x' * 250}\r\n")),
    named("connection_te_other", "TE", get("/x", headers="TE: gzip\r\n")),
    named("connection_te_quality", "TE", get("/x", headers="TE: gzip, Trailers;q=0.5\r\n")),
    Case(
        "connection_names_te",
        once(get("/x", headers="Connection: TE\r\nTE: trailers\r\n")),
    ),
    Case(
        "connection_names_pseudo",
        once(get("/x", headers="Connection: :path, x-a\r\nX-A: 1\r\n")),
    ),
    local("local_get", get("/PATH")),
    local("local_get_close", get("/PATH", headers="Connection: close\r\n")),
    local("local_head", get("/PATH").replace(b"GET", b"HEAD"), "HEAD"),
    local(
        "local_head_close",
        get("/PATH", headers="Connection: close\r\n").replace(b"GET", b"HEAD"),
        "HEAD",
    ),
    local("local_post", post("/PATH", b"abc")),
    local("local_post_close", post("/PATH", b"abc", headers="Connection: close\r\n")),
    local("local_post_unfinished", post("/PATH", b"abc")[:-1]),
    local(
        "local_1_0",
        b"GET /PATH HTTP/1.0\r\nHost: a.test\r\n\r\n",
        hcm="http_protocol_options: {accept_http_10: true}",
    ),
    local(
        "local_1_0_keep_alive",
        b"GET /PATH HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n",
        hcm="http_protocol_options: {accept_http_10: true}",
    ),
    local(
        "local_websocket",
        get("/PATH", headers="Connection: Upgrade\r\nUpgrade: websocket\r\n"),
    ),
    local("local_connect", b"CONNECT /PATH HTTP/1.1\r\nHost: a.test\r\n\r\n"),
    Case(
        "connect_to_route",
        once(b"CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n", within=2),
        routes="[{match: {connect_matcher: {}}, route: {cluster: $be}}]",
    ),
    Case(
        "websocket_pipelined",
        once(
            get("/x", headers="Connection: Upgrade\r\nUpgrade: websocket\r\n") + get("/y"),
            within=2,
        ),
    ),
    Case(
        "upstream_full_url",
        (get("/x?y=1"), b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n"),
        clusters=cluster_http1("send_fully_qualified_url: true"),
    ),
    Case(
        "upstream_proper_case",
        once(get("/x", headers="x-one-two: 1\r\n")),
        clusters=cluster_http1("header_key_format: {proper_case_words: {}}"),
    ),
)
