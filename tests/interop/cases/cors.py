"""The CORS filter: preflights, responses, levels of policies, the deprecated fields, runtime."""

from __future__ import annotations

from dataclasses import replace

from tests.interop.filters import filtered, route, typed
from tests.interop.model import Case, Step, asked
from tests.support.client import get
from tests.support.http2 import ask
from tests.support.upstream import Script, reply

CORS = typed("cors.v3.Cors")
A = 'allow_origin_string_match: [{exact: "http://a.test"}]'
ALL = (
    f'{A}, allow_methods: "GET,PUT", allow_headers: "x-a,x-b", expose_headers: x-e, max_age: "60",'
    " allow_credentials: true"
)
NEVER = "{default_value: {numerator: 0}}"
ALWAYS = "{default_value: {numerator: 100}}"


def policy(fields: str) -> str:
    """A policy of a route, a virtual host or a table."""
    return typed("cors.v3.CorsPolicy", fields)


def options(origin: str = "http://a.test", *headers: str) -> bytes:
    """A preflight."""
    more = "".join(f"{each}\r\n" for each in headers)
    asks = "Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x-z\r\n"
    text = f"OPTIONS /x HTTP/1.1\r\nHost: example.com\r\nOrigin: {origin}\r\n{asks}{more}\r\n"
    return text.encode()


def from_(origin: str) -> bytes:
    """A request of a page."""
    return get("/x", headers=f"Origin: {origin}\r\n")


BOTH = (options(), from_("http://a.test"), options("http://b.test"), from_("http://b.test"))
PRIVATE = "Access-Control-Request-Private-Network: true"
ANSWERED = {
    "up": Script(
        [
            reply(
                200,
                b"ok",
                "Access-Control-Allow-Origin: up\r\nAccess-Control-Expose-Headers: u\r\n",
            )
        ]
    )
}


def shared(name: str, fields: str, *steps: Step | bytes, **more: str) -> Case:
    """Requests to a route with a policy."""
    routes = f"[{route(cors=policy(fields))}]"
    return filtered(f"cors_{name}", CORS, *(steps or BOTH), routes=routes, **more)


def levels(name: str, of_route: str, host: str = "", table: str = "", more: str = "") -> Case:
    """Policies at several levels, and the fields of routes and virtual hosts."""
    per_host = f", typed_per_filter_config: {{cors: {policy(host)}}}" if host else ""
    per_table = f"typed_per_filter_config: {{cors: {policy(table)}}}" if table else ""
    return filtered(
        f"cors_{name}",
        CORS,
        *BOTH,
        virtual_hosts=f"[{{name: vh, domains: ['*'], routes: [{of_route}]{per_host}{more}}}]",
        route_config=per_table,
    )


WITH_FIELD = "{match: {prefix: /}, route: {cluster: $be, cors: {%s}}}"

CASES = (
    shared("everything", ALL),
    shared("origin_alone", A),
    shared("nothing", ""),
    shared("no_credentials", f"{A}, allow_credentials: false"),
    shared("any_method_and_header", f'{A}, allow_methods: "*", allow_headers: "*"'),
    shared("any_origin", 'allow_origin_string_match: [{exact: "*"}]'),
    shared("origin_by_regex",
           'allow_origin_string_match: [{safe_regex: {regex: "http://[ab][.]test"}}]'),
    shared("origin_by_suffix", "allow_origin_string_match: [{suffix: b.test}, {prefix: ftp}]"),
    shared("null_origin", 'allow_origin_string_match: [{exact: "null"}]', from_("null")),
    shared("private_network", f"{A}, allow_private_network_access: true",
           options("http://a.test", PRIVATE), options("http://a.test"),
           options("http://a.test", PRIVATE.replace("true", "false"))),
    shared("private_network_refused", f"{A}, allow_private_network_access: false",
           options("http://a.test", PRIVATE)),
    shared("other_preflights_end_here", f"{ALL}, forward_not_matching_preflights: false"),
    shared("other_preflights_pass", f"{ALL}, forward_not_matching_preflights: true"),
    shared("no_origin", ALL, get("/x"), get("/x", headers="Origin:\r\n")),
    shared("options_that_is_no_preflight", ALL,
           b"OPTIONS /x HTTP/1.1\r\nHost: h\r\nOrigin: http://a.test\r\n\r\n"),
    shared("not_enabled", f"{ALL}, filter_enabled: {NEVER}"),
    shared("enabled", f"{ALL}, filter_enabled: {ALWAYS}"),
    shared("shadow", f"{ALL}, filter_enabled: {NEVER}, shadow_enabled: {ALWAYS}"),
    shared("shadow_and_enabled", f"{ALL}, shadow_enabled: {ALWAYS}"),
    replace(shared("upstream_has_headers", ALL), upstreams=ANSWERED),
    shared("h2", ALL, *asked(ask("/x", ("origin", "http://a.test"),
           ("access-control-request-method", "PUT"), method="OPTIONS"))),
    levels("host", route(), ALL),
    levels("route_before_host", route(cors=policy(A)), f'{ALL}, allow_origin_string_match: []'),
    levels("route_adds_to_host", route(cors=policy('max_age: "5"')), ALL),
    levels("table", route(), "", ALL),
    levels("host_switches_off", route(), f"{A}, filter_enabled: {NEVER}", ALL),
    levels("field_of_a_route", WITH_FIELD % ALL),
    levels("field_of_a_host", route(), more=f", cors: {{{ALL}}}"),
    levels("fields_of_both",
           WITH_FIELD % f'{A}, max_age: "7"',
           more=f", cors: {{{ALL}}}"),
    levels("field_is_not_read",
           WITH_FIELD % ALL, "max_age: '1'"),
    filtered("cors_of_a_direct_response", CORS, *BOTH,
             routes=f"[{route('direct_response: {status: 200}', cors=policy(ALL))}]"),
    filtered("cors_without_a_route", CORS, *BOTH, routes="[]"),
)  # fmt: skip
