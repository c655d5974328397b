"""Header changes and filter settings at each level: table, virtual host, route, cluster."""

from __future__ import annotations

from tests.interop.model import Case
from tests.support.client import get
from tests.support.upstream import Script, reply

ACTIONS = (
    "APPEND_IF_EXISTS_OR_ADD",
    "ADD_IF_ABSENT",
    "OVERWRITE_IF_EXISTS_OR_ADD",
    "OVERWRITE_IF_EXISTS",
)
FIRST = {"up": Script([reply(200, b"x", "X-H: upstream\r\nX-Gone: 1\r\n")])}
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
MUTATION = "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3"
FILTER_CONFIG = "type.googleapis.com/envoy.config.route.v3.FilterConfig"


def add(name: str, value: str, action: str = "APPEND_IF_EXISTS_OR_ADD", more: str = "") -> str:
    """One HeaderValueOption."""
    return f"{{header: {{key: {name}, value: '{value}'}}, append_action: {action}{more}}}"


def levels(name: str, action: str, most_specific: bool = False) -> Case:
    """The same headers changed at all four levels."""

    def changes(level: str, indent: int) -> str:
        pad = " " * indent
        return (
            f"{pad}request_headers_to_add: [{add('x-h', level, action)}]\n"
            f"{pad}response_headers_to_add: [{add('x-h', level, action)}]\n"
        )

    hosts = f"""
- name: vh
  domains: ["*"]
{changes("vhost", 2)}
  routes:
  - match: {{prefix: /}}
{changes("route", 4)}
    route:
      weighted_clusters:
        clusters:
        - name: $be
          weight: 1
{changes("cluster", 10)}
"""
    table = (
        changes("table", 0) + f"most_specific_header_mutations_wins: {str(most_specific).lower()}"
    )
    return Case(
        name,
        (get("/x", headers="X-H: client\r\n"), get("/x")),
        virtual_hosts=hosts,
        route_config=table,
        upstreams={"up": Script([reply(200, b"x", "X-H: upstream\r\n"), reply()])},
    )


def changed(name: str, route: str, *requests: bytes, more: str = "") -> Case:
    """A route with header changes."""
    return Case(
        name,
        requests or (get("/x", headers="X-H: client\r\nX-Gone: 1\r\n"),),
        routes=f"[{{match: {{prefix: /}}, name: r1, route: {{cluster: $be{more}}}, {route}}}]",
        upstreams=FIRST,
    )


def filters(name: str, chain: str, hosts: str, *requests: bytes, table: str = "") -> Case:
    """Filters of a chain and what routes say of them."""
    router = f"- {{name: router, typed_config: {{'@type': {ROUTER}}}}}"
    return Case(
        name,
        requests or (get("/x"), get("/y")),
        virtual_hosts=hosts,
        hcm=f"http_filters:\n{chain}{router}\n",
        route_config=table,
    )


def mutation_filter(name: str, header: str, more: str = "") -> str:
    """A header_mutation filter that adds one header to requests."""
    return (
        f"- {{name: {name}{more}, typed_config: {{'@type': {MUTATION}.HeaderMutation, mutations: "
        f"{{request_mutations: [{{append: {{header: {{key: {header}, value: f}}}}}}]}}}}}}\n"
    )


def override(header: str) -> str:
    """The configuration of that filter for a route."""
    return (
        f"{{'@type': {MUTATION}.HeaderMutationPerRoute, mutations: "
        f"{{request_mutations: [{{append: {{header: {{key: {header}, value: o}}}}}}]}}}}"
    )


def wrapped(more: str) -> str:
    """A FilterConfig."""
    return f"{{'@type': {FILTER_CONFIG}, {more}}}"


CASES = (
    *(levels(f"levels_{action.lower()}", action) for action in ACTIONS),
    *(levels(f"levels_specific_{action.lower()}", action, True) for action in ACTIONS),
    changed(
        "route_headers_removed",
        "request_headers_to_remove: [x-gone, X-H], response_headers_to_remove: [X-GONE]",
    ),
    changed(
        "route_headers_removed_and_added",
        f"request_headers_to_remove: [x-h], request_headers_to_add: [{add('x-h', 'new')}],"
        f" response_headers_to_remove: [x-h], response_headers_to_add: [{add('x-h', 'new')}]",
    ),
    changed(
        "route_headers_append_old_field",
        "request_headers_to_add: [{header: {key: x-h, value: a}, append: true},"
        " {header: {key: x-gone, value: b}, append: false}]",
    ),
    changed(
        "route_headers_empty_values",
        f"request_headers_to_add: [{add('x-e', '')},"
        f" {add('x-k', '', more=', keep_empty_value: true')},"
        f" {add('x-m', '%REQ(x-none)%')}]",
    ),
    changed(
        "route_headers_formatted",
        "request_headers_to_add: ["
        + ", ".join(
            add(f"x-{number}", value)
            for number, value in enumerate(
                (
                    "%REQ(:path)% %REQ(x-h)%",
                    "%ROUTE_NAME% %VIRTUAL_CLUSTER_NAME%",
                    "%PROTOCOL%",
                    "100%%",
                    "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%",
                    "%UPSTREAM_CLUSTER%",
                    "%REQ(x-none?x-h):3%",
                )
            )
        )
        + "], response_headers_to_add: ["
        + ", ".join(
            add(f"x-{number}", value)
            for number, value in enumerate(
                (
                    "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%",
                    "%RESP(x-h)% %REQ(:method)%",
                    "%UPSTREAM_CLUSTER%",
                    "%RESPONSE_FLAGS%",
                )
            )
        )
        + "]",
    ),
    changed(
        "route_headers_envoy_names",
        f"request_headers_to_add: [{add('x-envoy-foo', '1')}, {add('x-request-id', 'mine')},"
        f" {add('user-agent', 'ua')}, {add('x-forwarded-for', '9.9.9.9')}],"
        f" response_headers_to_add: [{add('server', 'mine')}, {add('date', 'never')},"
        f" {add('x-envoy-upstream-service-time', '7')}]",
    ),
    changed(
        "route_headers_hop_by_hop",
        f"request_headers_to_add: [{add('te', 'trailers')}, {add('keep-alive', '5')},"
        f" {add('upgrade', 'foo')}],"
        f" response_headers_to_add: [{add('keep-alive', '5')}, {add('upgrade', 'foo')}]",
    ),
    changed(
        "route_headers_response_connection",
        f"response_headers_to_add: [{add('connection', 'close')}]",
    ),
    changed(
        "route_headers_request_connection",
        f"request_headers_to_add: [{add('connection', 'close')}]",
    ),
    changed(
        "route_headers_cookies",
        f"request_headers_to_add: [{add('cookie', 'c=3')}],"
        f" response_headers_to_add: [{add('set-cookie', 'd=4')}]",
        get("/x", headers="Cookie: a=1\r\nCookie: b=2\r\n"),
    ),
    Case(
        "local_answers_get_response_headers",
        (get("/direct"), get("/redirect"), get("/none"), get("/nobody")),
        virtual_hosts=f"""
- name: vh
  domains: ["*"]
  response_headers_to_add: [{add("x-v", "%RESPONSE_CODE%")}]
  routes:
  - match: {{path: /direct}}
    direct_response: {{status: 200}}
    response_headers_to_add: [{add("x-r", "r")}]
  - match: {{path: /redirect}}
    redirect: {{path_redirect: /x}}
    response_headers_to_add: [{add("x-r", "r")}]
  - match: {{path: /nobody}}
    route: {{cluster: $be}}
    response_headers_to_add: [{add("x-r", "r")}]
""",
        route_config=f"response_headers_to_add: [{add('x-t', 't')}]",
        clusters="[{name: $be, hosts: []}]",
        upstreams={},
    ),
    Case(
        "weighted_cluster_header",
        (get("/x", headers="X-C: $be\r\n"), get("/x")),
        routes="""
- match: {prefix: /}
  route: {weighted_clusters: {clusters: [{cluster_header: x-c, weight: 1}]}}
""",
    ),
    Case(
        "weighted_runtime_keys",
        (get("/x"), get("/x")),
        routes="""
- match: {prefix: /}
  route:
    weighted_clusters:
      runtime_key_prefix: wk
      clusters: [{name: $be, weight: 1}, {name: $none, weight: 99}]
""",
        clusters="[{name: $be, hosts: [$up]}, {name: $none, hosts: []}]",
        bootstrap="layered_runtime: {layers: [{name: a, static_layer:"
        " {wk: {$be: 100, $none: 0}}}]}",
        isolated=True,
        stats=r"^(http|cluster)\.",
        ignore_stats=r"^cluster\.xds|\.admin\.",
    ),
    Case(
        "runtime_fraction_by_key",
        (get("/x"),),
        routes="""
- match: {prefix: /, runtime_fraction: {default_value: {numerator: 0}, runtime_key: a.b}}
  direct_response: {status: 201}
- match: {prefix: /}
  direct_response: {status: 202}
""",
        bootstrap="layered_runtime: {layers: [{name: a, static_layer: {a.b: 100}}]}",
        clusters="[]",
        upstreams={},
        isolated=True,
        stats="",
    ),
    filters(
        "filter_override_levels",
        mutation_filter("m", "x-f"),
        f"""
- name: vh
  domains: ["*"]
  typed_per_filter_config: {{m: {override("x-vh")}}}
  routes:
  - match: {{path: /x}}
    route:
      weighted_clusters:
        clusters:
        - {{name: $be, weight: 1, typed_per_filter_config: {{m: {override("x-w")}}}}}
    typed_per_filter_config: {{m: {override("x-r")}}}
  - match: {{prefix: /}}
    route: {{cluster: $be}}
""",
        table=f"typed_per_filter_config: {{m: {override('x-t')}}}",
    ),
    filters(
        "filter_disabled_by_route",
        mutation_filter("m", "x-f"),
        f"""
- name: vh
  domains: ["*"]
  routes:
  - match: {{path: /x}}
    route: {{cluster: $be}}
    typed_per_filter_config: {{m: {wrapped("disabled: true")}}}
  - match: {{prefix: /}}
    route: {{cluster: $be}}
""",
    ),
    filters(
        "filter_disabled_by_host_enabled_by_route",
        mutation_filter("m", "x-f"),
        f"""
- name: vh
  domains: ["*"]
  typed_per_filter_config: {{m: {wrapped("disabled: true")}}}
  routes:
  - match: {{path: /x}}
    route: {{cluster: $be}}
    typed_per_filter_config: {{m: {override("x-r")}}}
  - match: {{prefix: /}}
    route: {{cluster: $be}}
""",
    ),
    filters(
        "filter_disabled_in_chain",
        mutation_filter("m", "x-f", ", disabled: true"),
        f"""
- name: vh
  domains: ["*"]
  routes:
  - match: {{path: /x}}
    route: {{cluster: $be}}
    typed_per_filter_config: {{m: {wrapped("config: " + override("x-r"))}}}
  - match: {{path: /y}}
    route: {{cluster: $be}}
    typed_per_filter_config: {{m: {wrapped("disabled: false, config: {}")}}}
  - match: {{prefix: /}}
    route: {{cluster: $be}}
""",
        get("/x"),
        get("/z"),
    ),
    filters(
        "filter_disabled_by_weighted_cluster",
        mutation_filter("m", "x-f"),
        f"""
- name: vh
  domains: ["*"]
  routes:
  - match: {{prefix: /}}
    route:
      weighted_clusters:
        clusters:
        - {{name: $be, weight: 1, typed_per_filter_config: {{m: {wrapped("disabled: true")}}}}}
""",
    ),
    filters(
        "filter_two_of_a_kind",
        mutation_filter("m1", "x-f1") + mutation_filter("m2", "x-f2"),
        f"""
- name: vh
  domains: ["*"]
  routes:
  - match: {{path: /x}}
    route: {{cluster: $be}}
    typed_per_filter_config: {{m2: {override("x-r")}}}
  - match: {{prefix: /}}
    route: {{cluster: $be}}
    typed_per_filter_config: {{m1: {wrapped("disabled: true")}}}
""",
    ),
    Case(
        "internal_only_headers_table",
        (get("/x", headers="X-Inside: 1\r\n"),),
        route_config="internal_only_headers: [X-Inside]",
    ),
    Case(
        "vhost_header",
        (
            get("/x", headers="X-Host: b.test\r\n"),
            get("/x", host="b.test"),
            get("/x", host="b.test", headers="X-Host: a.test\r\n"),
        ),
        virtual_hosts="""
- {name: a, domains: [a.test], routes: [{match: {prefix: /}, direct_response: {status: 201}}]}
- {name: b, domains: [b.test], routes: [{match: {prefix: /}, direct_response: {status: 202}}]}
""",
        route_config="vhost_header: X-Host",
        clusters="[]",
        upstreams={},
    ),
    Case(
        "path_parameters_ignored",
        (get("/a;v=1/b"), get("/a/b;x"), get("/a/b;x?q=;"), get("/c;d")),
        routes="""
- {match: {path: /a/b}, direct_response: {status: 201}}
- {match: {path_separated_prefix: /c}, direct_response: {status: 202}}
""",
        route_config="ignore_path_parameters_in_path_matching: true",
        clusters="[]",
        upstreams={},
    ),
)
