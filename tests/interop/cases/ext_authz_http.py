"""ext_authz with a service that speaks HTTP: what it is asked, what its answers do."""

from __future__ import annotations

from tests.interop.filters import filtered, grpc_call, route, typed
from tests.interop.model import Case, Step
from tests.support.client import get, post
from tests.support.upstream import (
    Answer,
    Script,
    Send,
    raw,
    reply,
)

CLUSTERS = "[{name: $be, hosts: [$up]}, {name: $auth, hosts: [$auth_server]}]"
URI = "server_uri: {uri: 'http://auth', cluster: $auth, timeout: 0.3s}"
LOG = "md=%DYNAMIC_METADATA(envoy.filters.http.ext_authz)%"
# As they are: joined headers come in the order of a hash map in Envoy.
RAW = "encode_raw_headers: true"
OK = reply(200, b"")
# Of the clock, or of the length of such numbers.
UNSTABLE = r"_auth\.upstream_cx_rx_bytes_total"


def allowed(*headers: str) -> Answer:
    """The service lets the request pass, with these header lines."""
    return _answer(200, b"", headers)


def denied(status: int, body: bytes, *headers: str) -> Answer:
    """The service does not."""
    return _answer(status, body, headers)


def _answer(status: int, body: bytes, headers: tuple[str, ...]) -> Answer:
    lines = "".join(f"{line}\r\n" for line in headers)
    head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{lines}\r\n"
    return raw(Send(head.encode() + body))


def names(*exact: str) -> str:
    """A list of names of headers."""
    return f"{{patterns: [{', '.join(f'{{exact: {name}}}' for name in exact)}]}}"


X = "{patterns: [{prefix: x-}]}"


def asked(
    name: str,
    *steps: Step | bytes,
    service: str = "",
    fields: str = "",
    answers: tuple[Answer, ...] = (OK,),
    log: str = LOG,
    **more: str,
) -> Case:
    """Requests that a service judges; `service` and `fields` add to its and the filter's fields."""
    more_service = f", {service}" if service else ""
    more_fields = f", {fields}" if fields else ""
    config = typed("ext_authz.v3.ExtAuthz", f"http_service: {{{URI}{more_service}}}{more_fields}")
    more.setdefault("clusters", CLUSTERS)
    more.setdefault("ignore_stats", UNSTABLE)
    upstreams = {"up": Script([reply(200, b"ok", "X-Up: 1\r\n")]), "auth_server": Script(answers)}
    return filtered(
        f"ext_authz_http_{name}",
        config,
        *(steps or (get("/x?q=1"),)),
        log=log,
        upstreams=upstreams,
        **more,
    )


def of_route(fields: str) -> str:
    """What a route says."""
    return typed("ext_authz.v3.ExtAuthzPerRoute", fields)


TOLD = f"authorization_request: {{allowed_headers: {X}}}"
ADDED = "{key: x-added, value: '%REQ(x-a)%-%PROTOCOL%'}, {key: x-a, value: over}"
CLIENT = "X-A: 1\r\nX-A: 2\r\nAuthorization: secret\r\nCookie: c\r\n"
HELLO = post("/x", b"hello")
BODY = "with_request_body: {max_request_bytes: 10}"
PART = "with_request_body: {max_request_bytes: 10, allow_partial_message: true}"
SOME = names("x-up", "x-b")
OTHER = f"http_service: {{{URI}, path_prefix: /r}}"
TO_B = "prefix: /, headers: [{name: x-to, string_match: {exact: b}}]"
BY_HEADER = f"[{route('direct_response: {status: 299}', TO_B)}, {route()}]"
GIVES_TO = f"authorization_response: {{allowed_upstream_headers: {names('x-to')}}}"
FORBIDDEN = denied(403, b"no", "X-Why: because", "Content-Type: text/html", "Location: /l")

CASES = (
    asked("tells_little", get("/x?q=1", headers=CLIENT)),
    asked("tells_more", get("/x", headers=CLIENT), service=TOLD, fields=RAW),
    asked(
        "tells_as_the_filter_says",
        get("/x", headers=CLIENT),
        fields=f"{RAW}, allowed_headers: {X}, disallowed_headers: {names('x-b', 'authorization')}",
    ),
    asked(
        "joins_repeated",
        get("/x", headers="X-A: 1\r\nX-A: 2\r\n"),
        service=f"authorization_request: {{allowed_headers: {names('x-a')}}}",
    ),
    asked("path_prefix", service="path_prefix: /auth"),
    asked("path_override", service="path_override: '/check?a=b'"),
    asked(
        "adds_headers",
        get("/x", headers="X-A: 1\r\n"),
        fields=RAW,
        service=f"authorization_request: {{headers_to_add: [{ADDED}]}}",
    ),
    asked("of_a_grpc_client", *grpc_call(), answers=(FORBIDDEN,)),
    asked("no_body", HELLO),
    asked("body", HELLO, fields=BODY),
    asked("body_not_text", post("/x", b"a\xffb"), fields=BODY),
    asked("body_of_the_limit", post("/x", b"0123456789"), fields=BODY),
    asked("body_over_the_limit", post("/x", b"0123456789a"), fields=BODY),
    asked("body_in_part", post("/x", b"0123456789a"), fields=PART),
    asked("body_absent", get("/x"), fields=BODY),
    asked(
        "body_and_client_says_part",
        post("/x", b"hi", headers="X-Envoy-Auth-Partial-Body: 1\r\n"),
        service=TOLD,
        fields=f"{BODY}, {RAW}",
    ),
    asked(
        "sets_headers",
        get("/x", headers="X-A: 0\r\nX-C: 0\r\nX-D: 0\r\n"),
        service=f"authorization_response: {{allowed_upstream_headers: {names('x-a', 'x-b')},"
        f" allowed_upstream_headers_to_append: {names('x-c')}}}",
        answers=(
            allowed(
                "X-A: 1",
                "X-B: 1",
                "X-B: 2",
                "X-C: 1",
                "X-Other: 1",
                "X-Envoy-Auth-Headers-To-Remove: x-d, host ,:path",
            ),
        ),
    ),
    asked(
        "sets_headers_of_the_response",
        service=f"authorization_response: {{allowed_client_headers_on_success: {SOME}}}",
        answers=(allowed("X-Up: 2", "X-B: 1", "X-C: 1"),),
    ),
    asked(
        "gives_metadata",
        get("/x"),
        get("/x"),
        service=f"authorization_response: {{dynamic_metadata_from_headers: {names('x-a')}}}",
        answers=(denied(403, b"", "X-A: 1", "X-B: 2"),),
    ),
    asked(
        "gives_metadata_in_vain",
        service=f"authorization_response: {{dynamic_metadata_from_headers: {names('x-a')}}}",
        fields="enable_dynamic_metadata_ingestion: false",
        answers=(allowed("X-A: 1"),),
    ),
    asked("denies", answers=(FORBIDDEN,)),
    asked("denies_head", b"HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n", answers=(FORBIDDEN,)),
    asked("denies_without_body", answers=(denied(401, b"", "WWW-Authenticate: Basic"),)),
    asked("denies_with_body_unread", HELLO, answers=(FORBIDDEN,)),
    asked(
        "denies_with_cookies",
        answers=(
            denied(403, b"n", "Set-Cookie: a", "Set-Cookie: b", "Date: then", "Connection: close"),
        ),
    ),
    asked(
        "denies_with_some_headers",
        answers=(denied(401, b"n", "X-A: 1", "X-Why: 1", "Location: /"),),
        service=f"authorization_response: {{allowed_client_headers: {names('x-a')}}}",
    ),
    asked(
        "denies_with_long_body",
        answers=(denied(403, b"0123456789"),),
        fields="max_denied_response_body_bytes: 4",
    ),
    asked("redirects", answers=(denied(302, b"", "Location: /login"),)),
    asked("only_200_allows", get("/x"), get("/x"), answers=(denied(204, b""), denied(201, b"x"))),
    asked("uncharged", answers=(FORBIDDEN,), fields="charge_cluster_response_stats: false"),
    asked(
        "enabled_by_metadata",
        fields="filter_enabled_metadata: {filter: a, path: [{key: b}],"
        " value: {string_match: {exact: c}}}, stat_prefix: s",
    ),
    asked(
        "enabled_without_metadata",
        fields="filter_enabled_metadata: {filter: a, path: [{key: b}],"
        " value: {string_match: {exact: c}}, invert: true}, stat_prefix: s",
    ),
    asked("off_at_a_route", routes=f"[{route(ext_authz=of_route('disabled: true'))}]"),
    asked(
        "other_service_at_a_route",
        get("/x"),
        routes=f"[{route(ext_authz=of_route(f'check_settings: {{{OTHER}}}'))}]",
    ),
    asked("no_route", routes=f"[{route(match='prefix: /other')}]"),
    asked(
        "other_route",
        get("/x"),
        fields="clear_route_cache: true",
        service=GIVES_TO,
        answers=(allowed("X-To: b"),),
        routes=BY_HEADER,
    ),
    asked(
        "same_route",
        get("/x"),
        service=GIVES_TO,
        answers=(allowed("X-To: b"),),
        routes=BY_HEADER,
    ),
    asked(
        "other_route_by_other_header",
        get("/x"),
        fields="clear_route_cache: true, clear_route_cache_headers: [x-other]",
        service=GIVES_TO,
        answers=(allowed("X-To: b"),),
        routes=BY_HEADER,
    ),
    asked("disabled", fields="filter_enabled: {default_value: {numerator: 0}}"),
    asked(
        "disabled_and_denied",
        fields="filter_enabled: {default_value: {numerator: 0}},"
        " deny_at_disable: {default_value: true, runtime_key: k}, status_on_error: {code: 410}",
    ),
)
