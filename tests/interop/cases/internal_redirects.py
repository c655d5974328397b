"""Redirects of upstreams that the proxy follows itself."""

from __future__ import annotations

from tests.interop.filters import chain, typed
from tests.interop.model import Case, End, Read, Step, Wait, Write, asked, once
from tests.support.client import get, post
from tests.support.http2 import Data
from tests.support.http2 import ask as ask2
from tests.support.upstream import Answer, Script, raw, reply

INTERNAL = "envoy.extensions.internal_redirect"
FOLLOW = "internal_redirect_policy: {}"
ANY = "redirect_response_codes: [301, 302, 303, 307, 308]"
GOOD = reply(200, b"good")
LOG = (
    "%REQ(:METHOD)% %REQ(:AUTHORITY)% %REQ(:PATH)% %REQ(X-ENVOY-ORIGINAL-URL)% %RESPONSE_CODE%"
    " %RESPONSE_CODE_DETAILS% flags=%RESPONSE_FLAGS% rx=%BYTES_RECEIVED% tx=%BYTES_SENT%"
    " host=%UPSTREAM_HOST% cluster=%UPSTREAM_CLUSTER% route=%ROUTE_NAME% %RESP(LOCATION)%"
    " attempts=%UPSTREAM_REQUEST_ATTEMPT_COUNT% client=%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"
    " count=%FILTER_STATE(num_internal_redirects)%"
    " wire=%DOWNSTREAM_WIRE_BYTES_RECEIVED% heads=%DOWNSTREAM_HEADER_BYTES_RECEIVED% %PROTOCOL%"
)


def to(location: str, status: int = 302, headers: str = "") -> Answer:
    """A redirect of an upstream."""
    return reply(status, b"moved", f"Location: {location}\r\n{headers}", "Found")


def redirected(
    name: str,
    *answers: Answer,
    policy: str = FOLLOW,
    ask: bytes = b"",
    steps: tuple[Step, ...] = (),
    routes: str = "",
    hcm: str = "",
    virtual_host: str = "",
    ignore: str = "",
    log: str = "",
) -> Case:
    """One request, an upstream that redirects it, and a route `target` that takes /new."""
    own = f"{{match: {{prefix: /}}, name: first, route: {{cluster: $be, {policy}}}}}"
    target = "{match: {prefix: /new}, name: target, route: {cluster: $other}}"
    routes = routes or f"[{target}, {own}]"
    hosts = f"[{{name: vh, domains: ['*'], routes: {routes}{virtual_host}}}]"
    return Case(
        name,
        steps or once(ask or get("/old?a=1", host="a.test")),
        virtual_hosts=hosts,
        hcm=hcm,
        clusters="[{name: $be, hosts: [$up]}, {name: $other, hosts: [$new]}]",
        upstreams={"up": Script(list(answers)), "new": Script([GOOD])},
        log_format=f"{LOG} {log}\n",
        ignore_stats=ignore,
    )


def predicates(*kinds: str, more: str = "max_internal_redirects: 5") -> str:
    """A policy with predicates."""
    each = ", ".join(
        f"{{name: p{i}, typed_config: {{'@type': type.googleapis.com/{INTERNAL}.{kind}}}}}"
        for i, kind in enumerate(kinds)
    )
    return f"internal_redirect_policy: {{predicates: [{each}], {more}}}"


def listed(*names: str) -> str:
    """Only routes of these names are gone to."""
    return (
        f"allow_listed_routes.v3.AllowListedRoutesConfig, allowed_route_names: [{', '.join(names)}]"
    )


WS = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
UPGRADES = "upgrade_configs: [{upgrade_type: websocket}]"
UNBUFFERED = typed("buffer.v3.BufferPerRoute", "disabled: true")
PREVIOUS = "previous_routes.v3.PreviousRoutesConfig"
SAFE = "safe_cross_scheme.v3.SafeCrossSchemeConfig"
NEW = to("http://b.test/new?b=2")
SENT = b"hello"
POSTED = post("/old", SENT, host="a.test")
CHUNKED = (
    b"POST /old HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n0\r\n\r\n"
)
MOVED = b"HTTP/1.1 302 Found\r\nLocation: http://b.test/new\r\nContent-Length: 0\r\n\r\n"

CASES = (
    redirected("followed_passes", NEW, policy="timeout: 5s"),
    redirected("followed", NEW),
    redirected("followed_empty_body", raw(MOVED)),
    redirected("followed_by_old_action", NEW, policy="internal_redirect_action: 1"),
    redirected(
        "followed_old_action_most",
        to("http://b.test/again"),
        NEW,
        policy="internal_redirect_action: HANDLE_INTERNAL_REDIRECT, max_internal_redirects: 2",
    ),
    redirected("followed_old_action_passes", NEW, policy="max_internal_redirects: 2"),
    redirected("followed_301_is_not_followed", to("http://b.test/new", 301)),
    *(
        redirected(
            f"followed_{status}_{method.lower()}",
            to("http://b.test/new", status),
            policy=f"internal_redirect_policy: {{{ANY}}}",
            ask=POSTED if method == "POST" else get("/old").replace(b"GET", method.encode()),
            steps=once(get("/old").replace(b"GET", b"HEAD"), "HEAD") if method == "HEAD" else (),
        )
        for status in (301, 303, 307)
        for method in ("GET", "POST", "HEAD", "DELETE")
    ),
    redirected("followed_chunked", NEW, ask=CHUNKED),
    redirected("followed_relative", to("/new")),
    redirected("followed_empty", to("")),
    redirected("followed_no_location", reply(302, b"", reason="Found")),
    redirected("followed_bad_location", to("http:/new")),
    redirected("followed_other_scheme", to("ftp://b.test/new")),
    redirected("followed_fragment", to("http://b.test/new#part")),
    redirected("followed_no_path", to("http://b.test"), GOOD),
    redirected("followed_query_alone", to("http://b.test?x=1"), GOOD),
    redirected("followed_port", to("http://b.test:8080/new")),
    redirected("followed_default_port", to("http://b.test:80/new")),
    redirected("followed_userinfo", to("http://me:secret@b.test/new")),
    redirected("followed_address", to("http://[::1]:99/new")),
    redirected("followed_upper_case", to("HTTP://B.test/new")),
    redirected("followed_https", to("https://b.test/new")),
    redirected(
        "followed_https_allowed",
        to("https://b.test/new"),
        policy="internal_redirect_policy: {allow_cross_scheme_redirect: true}",
        log="%REQ(:SCHEME)%",
    ),
    redirected(
        "followed_https_unsafe",
        to("https://b.test/new"),
        policy=predicates(SAFE, more="allow_cross_scheme_redirect: true"),
    ),
    redirected("followed_too_many", to("http://b.test/again"), NEW),
    redirected(
        "followed_twice",
        to("http://b.test/again"),
        NEW,
        policy="internal_redirect_policy: {max_internal_redirects: 2}",
    ),
    redirected(
        "followed_none", NEW, policy="internal_redirect_policy: {max_internal_redirects: 0}"
    ),
    redirected(
        "followed_no_route",
        NEW,
        routes=f"[{{match: {{prefix: /old}}, name: first, route: {{cluster: $be, {FOLLOW}}}}}]",
    ),
    redirected(
        "followed_to_direct_response",
        NEW,
        routes=(
            "[{match: {prefix: /new}, direct_response: {status: 200, body: {inline_string: hi}}},"
            f" {{match: {{prefix: /}}, name: first, route: {{cluster: $be, {FOLLOW}}}}}]"
        ),
    ),
    redirected(
        "followed_no_cluster",
        NEW,
        routes=(
            "[{match: {prefix: /new}, route: {cluster_header: x-none}},"
            f" {{match: {{prefix: /}}, name: first, route: {{cluster: $be, {FOLLOW}}}}}]"
        ),
    ),
    redirected("followed_listed", NEW, policy=predicates(listed("target"))),
    redirected("followed_not_listed", NEW, policy=predicates(listed("else"))),
    redirected(
        "followed_previous_route",
        to("http://b.test/again"),
        to("http://b.test/again"),
        policy=predicates(PREVIOUS),
    ),
    redirected("followed_all_predicates", NEW, policy=predicates(PREVIOUS, listed("target"), SAFE)),
    redirected(
        "followed_copies_headers",
        to("http://b.test/new", 302, "X-A: 1\r\nX-A: 2\r\nX-Other: 3\r\n"),
        policy="internal_redirect_policy: {response_headers_to_copy: [x-a, X-Gone, x-none]}",
        ask=get("/old", headers="x-a: 0\r\nx-gone: 1\r\nx-other: 0\r\n"),
    ),
    redirected(
        "followed_copies_headers_not_followed",
        to("http://b.test/new", 302, "X-A: 1\r\n"),
        policy=predicates(listed("else"), more="response_headers_to_copy: [x-a]"),
        ask=get("/old", headers="x-a: 0\r\n"),
    ),
    redirected(
        "followed_after_changes",
        to("http://b.test/again"),
        NEW,
        policy="prefix_rewrite: /up/, host_rewrite_literal: up.test, timeout: 9s,"
        " internal_redirect_policy: {max_internal_redirects: 2}",
        virtual_host=(
            ", request_headers_to_add: [{header: {key: x-vh, value: '1'}}],"
            " response_headers_to_add: [{header: {key: x-back, value: '1'}}]"
        ),
    ),
    redirected(
        "followed_after_retry",
        reply(503, b"", reason="Service Unavailable"),
        NEW,
        policy=f"{FOLLOW}, retry_policy: {{retry_on: 5xx}}",
        ask=POSTED,
    ),
    redirected(
        "followed_retriable",
        NEW,
        GOOD,
        policy=f"{FOLLOW}, retry_policy: {{retry_on: retriable-status-codes,"
        " retriable_status_codes: [302]}",
    ),
    redirected(
        "followed_before_request_ends",
        raw(MOVED, early=True),
        ask=b"POST /old HTTP/1.1\r\nHost: a.test\r\nContent-Length: 50\r\n\r\nhello",
    ),
    redirected(
        "followed_forwarded_client",
        NEW,
        hcm="use_remote_address: false",
        ask=get("/old", headers="x-forwarded-for: 1.2.3.4\r\n"),
    ),
    redirected(
        "followed_filters_again",
        NEW,
        hcm="http_filters: "
        + chain(
            typed(
                "header_mutation.v3.HeaderMutation",
                "mutations: {request_mutations: [{append: {header: {key: x-seen, value: '1'}}}],"
                " response_mutations: [{append: {header: {key: x-back, value: '1'}}}]}",
            )
        ),
    ),
    redirected(
        "followed_buffered",
        NEW,
        hcm="http_filters: " + chain(typed("buffer.v3.Buffer", "max_request_bytes: 1024")),
        ask=CHUNKED,
    ),
    redirected(
        "followed_seen_by_buffer",
        to("http://b.test/new", 307),
        policy=f"internal_redirect_policy: {{{ANY}}}",
        hcm="http_filters: " + chain(typed("buffer.v3.Buffer", "max_request_bytes: 4")),
        routes=(
            "[{match: {prefix: /new}, name: target, route: {cluster: $other}},"
            " {match: {prefix: /}, name: first,"
            f" route: {{cluster: $be, internal_redirect_policy: {{{ANY}}}}},"
            f" typed_per_filter_config: {{buffer: {UNBUFFERED}}}}}]"
        ),
        ask=CHUNKED,
    ),
    redirected(
        "followed_too_large",
        reply(302, b"", "Location: http://b.test/new\r\n", "Found"),
        steps=(
            Write(POSTED.replace(b"Length: 5", b"Length: 10")),
            Wait(0.2),
            Write(b"again"),
            Read(),
            End(),
        ),
        virtual_host=", request_body_buffer_limit: 6",
    ),
    redirected("followed_upgrade", NEW, ask=get("/old", headers=WS), hcm=UPGRADES),
    redirected(
        "followed_after_continue",
        raw(b"HTTP/1.1 100 Continue\r\n\r\n", MOVED),
        hcm="proxy_100_continue: true",
    ),
    redirected(
        "followed_keeps_connection",
        NEW,
        steps=(*once(get("/old"))[:2], *once(get("/new"))),
    ),
    redirected(
        "followed_max_requests",
        NEW,
        ignore="downstream_cx_delayed_close_timeout",
        hcm="common_http_protocol_options: {max_requests_per_connection: 2}",
    ),
    redirected(
        "followed_normalizes",
        to("http://b.test//x/../new"),
        hcm="{merge_slashes: true, normalize_path: true}",
    ),
    redirected("followed_http2", NEW, steps=asked(ask2("/old"))),
    redirected(
        "followed_http2_post",
        to("http://b.test/new", 307),
        policy=f"internal_redirect_policy: {{{ANY}}}",
        steps=asked(ask2("/old", method="POST", end=False), Data(SENT, on=1, end=True)),
    ),
    redirected(
        "followed_http2_303",
        to("http://b.test/new", 303),
        policy=f"internal_redirect_policy: {{{ANY}}}",
        steps=asked(ask2("/old", method="POST", end=False), Data(SENT, on=1, end=True)),
    ),
    redirected(
        "followed_http2_max_requests",
        NEW,
        hcm="common_http_protocol_options: {max_requests_per_connection: 2}",
        steps=asked(ask2("/old")),
    ),
)
