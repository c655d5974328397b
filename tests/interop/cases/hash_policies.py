"""Hash policies: what of a request or a connection is hashed, and the cookies."""

from __future__ import annotations

from tests.interop.cases.consistent_hashing import (
    BY_KEY,
    EVEN,
    KEYS,
    NAMES,
    assigned,
    hosts,
    maglev,
    placed,
    ring,
    typed,
    with_headers,
)
from tests.interop.cases.network_filters import state
from tests.interop.cases.tcp_proxy import STATS, tcp_filter
from tests.interop.filters import chain
from tests.interop.filters import typed as filter_of
from tests.interop.model import Case, End, Open, Read, Receive, Write
from tests.support.client import get
from tests.support.upstream import Close, Script, reply, tcp

RETRIED = ", timeout: 0s, retry_policy: {retry_on: 5xx, retry_back_off: {base_interval: 0.001s}}"


def hashed(name: str, policy: str, *requests: bytes, hcm: str = "", kind: str = ring()) -> Case:
    """A ring whose requests have these policies."""
    return placed(name, kind, f"hash_policy: [{policy}]", requests, hcm)


def cookie(fields: str) -> str:
    """A cookie policy."""
    return f"{{cookie: {{name: ck{fields}}}}}"


def connected(name: str, policy: str, *before: str, cluster: str = "") -> Case:
    """Connections from several addresses through a tcp_proxy; each host says which it is."""
    sources = [f"127.0.0.{n}" for n in range(2, 12)]
    filters = ", ".join((*before, tcp_filter(policy)))
    steps = ((Open(each, source=each), Receive(2, on=each), End(on=each)) for each in sources)
    return Case(
        name,
        tuple(step for some in steps for step in some),
        stats=STATS,
        clusters=f"[{{name: $be, {cluster or ring()}}}]",
        upstreams={each: tcp(each[:2].encode(), Close()) for each in NAMES},
        listener=f"filter_chains: [{{name: only, filters: [{filters}]}}]",
    )


HCM = (
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3."
    "HttpConnectionManager"
)
ROUTER = (
    "{name: envoy.filters.http.router, typed_config: "
    "{'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}"
)


def of_connection(name: str, factory: str, fallback: str = "") -> Case:
    """Requests whose host depends on filter state of their connection, or else on `fallback`."""
    sources = [f"127.0.0.{n}" for n in range(2, 10)]
    policies = f"[{{filter_state: {{key: k}}, terminal: true}}{fallback}]"
    route = f"{{match: {{prefix: /}}, route: {{cluster: $be, hash_policy: {policies}}}}}"
    manager = (
        f"{{name: hcm, typed_config: {{'@type': {HCM}, stat_prefix: in, http_filters: [{ROUTER}], "
        f"route_config: {{virtual_hosts: [{{name: v, domains: ['*'], routes: [{route}]}}]}}}}}}"
    )
    before = state("k", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", f"factory_key: {factory}")
    asked = (
        (Open(each, source=each), Write(get("/", headers="x-key: k\r\n"), on=each), Read(on=each))
        for each in sources
    )
    return Case(
        name,
        tuple(step for some in asked for step in some),
        stats=r"^cluster\.",
        clusters=f"[{{name: $be, {ring()}}}]",
        upstreams={each: Script([reply(200, each.encode())]) for each in NAMES},
        listener=f"filter_chains: [{{filters: [{before}, {manager}]}}]",
    )


OF_REQUEST = filter_of(
    "set_filter_state.v3.Config",
    "on_request_headers: [{object_key: k, factory_key: envoy.hashable_string, "
    "format_string: {text_format_source: {inline_string: '%REQ(x-key)%'}}}]",
)

CASES = (
    hashed(
        "hash_header_several",
        BY_KEY,
        *with_headers(
            "x-key: b\r\nx-key: a\r\n",
            "x-key: a\r\nx-key: b\r\n",
            "x-key: a, b\r\n",
            "x-key: \r\n",
            "x-key: a\r\nx-key: a\r\nx-key: c\r\n",
        ),
    ),
    hashed(
        "hash_header_rewritten",
        "{header: {header_name: x-key, regex_rewrite: {pattern: {regex: '^([a-z]+)[0-9]*$'},"
        r" substitution: '\1'}}}",
        *with_headers(*(f"x-key: {word}{n}\r\n" for word in ("a", "bb", "cc") for n in range(3))),
    ),
    hashed(
        "hash_pseudo_header", "{header: {header_name: ':path'}}", *(get(f"/{n}") for n in range(12))
    ),
    hashed(
        "hash_query",
        "{query_parameter: {name: q}}",
        *(get(path) for path in ("/?q=a", "/?q=b&q=a", "/?q=", "/?q", "/?q=a%20b", "/?x=1&q=c")),
    ),
    hashed(
        "hash_source_ip",
        "{connection_properties: {source_ip: true}}",
        *with_headers(
            *(f"x-forwarded-for: 10.0.0.{n}\r\n" for n in range(8)),
        ),
    ),
    hashed(
        "hash_source_ip_of_the_peer",
        "{connection_properties: {source_ip: true}}",
        *with_headers(*(f"x-forwarded-for: 10.0.0.{n}\r\n" for n in range(8))),
        hcm="use_remote_address: true",
    ),
    hashed(
        "hash_cookie",
        cookie(""),
        *with_headers(
            *(
                f"cookie: {value}\r\n"
                for value in ("ck=a", "x=1; ck=b", 'ck="a"', "ck=c; ck=d", "ck=e")
            ),
        ),
    ),
    hashed(
        "hash_terminal",
        "{header: {header_name: x-key}, terminal: true}, {query_parameter: {name: q}}",
        *(get(f"/?q={n}", headers=lines) for n in range(5) for lines in ("", "x-key: a\r\n")),
    ),
    hashed(
        "hash_joined",
        f"{BY_KEY}, {BY_KEY}, {{query_parameter: {{name: q}}}}",
        *(
            get(f"/?q={n}", headers=lines)
            for n in range(6)
            for lines in ("x-key: a\r\n", "x-key: b\r\n")
        ),
    ),
    hashed(
        "hash_source_ip_false",
        f"{{connection_properties: {{source_ip: false}}}}, {BY_KEY}",
        *with_headers(*KEYS),
    ),
    *(
        hashed(
            f"cookie_given_{name}",
            cookie(fields),
            get("/"),
            get("/", headers="cookie: ck=\r\n"),
            get("/", headers="cookie: ck=known\r\n"),
            kind=f"lb_policy: RING_HASH, {one}",
        )
        for one in [assigned(f"{{lb_endpoints: [{hosts(1)}]}}")]
        for name, fields in (
            ("ttl", ", ttl: 60s"),
            ("ttl_fraction", ", ttl: 1.9s"),
            ("session", ", ttl: 0s"),
            ("path", ", ttl: 0s, path: /p"),
            (
                "attributes",
                ", ttl: 5s, path: /, attributes: [{name: SameSite, value: Strict},"
                " {name: Secure}, {name: Partitioned, value: ''}]",
            ),
        )
    ),
    placed(
        "cookie_given_with_the_routes_own",
        "lb_policy: MAGLEV, " + assigned(f"{{lb_endpoints: [{hosts(1)}]}}"),
        "hash_policy: [{cookie: {name: a, ttl: 1s}}, {cookie: {name: b, ttl: 2s}}]",
        [get("/")],
        scripts={"up": Script([reply(200, b"up", "set-cookie: mine=1\r\n")])},
    ),
    placed(
        "cookie_given_after_retry",
        "lb_policy: RING_HASH, " + assigned(f"{{lb_endpoints: [{hosts(1)}]}}"),
        "hash_policy: [{cookie: {name: a, ttl: 1s}}]",
        [get("/")],
        scripts={"up": Script([reply(503, b"no"), reply(200, b"up")])},
        more=RETRIED,
    ),
    placed(
        "balancer_cookie_given_after_retry",
        typed(
            "ring_hash.v3.RingHash",
            ", consistent_hashing_lb_config: {hash_policy: [{cookie: {name: a, ttl: 1s}},"
            " {cookie: {name: b, ttl: 1s}}]}",
            assigned(f"{{lb_endpoints: [{hosts(1)}]}}"),
        ),
        requests=[get("/", headers="x-forwarded-for: 10.0.0.1\r\n")],
        scripts={"up": Script([reply(503, b"no"), reply(200, b"up")])},
        more=RETRIED,
    ),
    placed(
        "no_cookie_from_others",
        "lb_policy: ROUND_ROBIN, " + assigned(f"{{lb_endpoints: [{hosts(1)}]}}"),
        "hash_policy: [{cookie: {name: a, ttl: 1s}}]",
        [get("/")],
    ),
    connected("tcp_hash_source_ip", "hash_policy: [{source_ip: {}}]"),
    connected(
        "tcp_hash_source_ip_maglev", "hash_policy: [{source_ip: {}}]", cluster=maglev(cluster=EVEN)
    ),
    connected(
        "tcp_hash_filter_state",
        "hash_policy: [{filter_state: {key: k}}]",
        state(
            "k", "of-%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "factory_key: envoy.hashable_string"
        ),
    ),
    connected(
        "tcp_hash_of_balancer",
        "hash_policy: [{filter_state: {key: none}}]",
        cluster=typed(
            "maglev.v3.Maglev",
            ", consistent_hashing_lb_config: "
            "{hash_policy: [{connection_properties: {source_ip: true}}]}",
        ),
    ),
    of_connection("hash_filter_state", "envoy.hashable_string"),
    hashed(
        "hash_filter_state_of_request",
        "{filter_state: {key: k}}",
        *with_headers(*KEYS),
        hcm=f"http_filters: {chain(OF_REQUEST)}",
    ),
    of_connection("hash_filter_state_no_hash", "envoy.string", f", {BY_KEY}"),
)
