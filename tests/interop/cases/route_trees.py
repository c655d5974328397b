"""Matcher trees that choose routes and clusters."""

from __future__ import annotations

from collections.abc import Mapping

from tests.interop.model import Case, Step
from tests.support.client import get
from tests.support.upstream import Script, reply

TYPES = "type.googleapis.com"
HEADER = f"{TYPES}/envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
SPECIFIER = "envoy.extensions.router.cluster_specifiers.matcher.v3"
UPS = {"up": Script([reply(200, b"up")]), "other": Script([reply(200, b"other")])}
CLUSTERS = "[{name: $be, hosts: [$up]}, {name: $two, hosts: [$other]}]"
LOG = "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS% %ROUTE_NAME% %UPSTREAM_CLUSTER%\n"
ASKED = tuple(get(path) for path in ("/a", "/b", "/a/b", "/ab?q=1", "/c"))


def header(name: str = ":path") -> str:
    """A header as an input."""
    return f'{{name: i, typed_config: {{"@type": {HEADER}, header_name: "{name}"}}}}'


def action(kind: str, fields: str) -> str:
    """An action of a tree."""
    return f'{{action: {{name: a, typed_config: {{"@type": {TYPES}/{kind}, {fields}}}}}}}'


def route(fields: str) -> str:
    """One route as an action."""
    return action("envoy.config.route.v3.Route", fields)


def routes(*fields: str) -> str:
    """Routes as an action, of which the first one that matches counts."""
    each = ", ".join(f"{{{one}}}" for one in fields)
    return action("envoy.config.route.v3.RouteList", f"routes: [{each}]")


def tree(input_: str, entries: Mapping[str, str], kind: str = "exact", more: str = "") -> str:
    """A map."""
    each = ", ".join(f'"{key}": {value}' for key, value in entries.items())
    return f"{{matcher_tree: {{input: {input_}, {kind}_match_map: {{map: {{{each}}}}}}}{more}}}"


def host(name: str, matcher: str, *steps: Step | bytes, more: str = "") -> Case:
    """A virtual host with a tree in place of routes."""
    return Case(
        f"route_tree_{name}",
        steps or ASKED,
        virtual_hosts=f"[{{name: vh, domains: ['*'], matcher: {matcher}{more}}}]",
        clusters=CLUSTERS,
        upstreams=UPS,
        log_format=LOG,
    )


def answers(status: int, match: str = "prefix: /", more: str = "") -> str:
    """A route that answers itself."""
    return f"match: {{{match}}}, direct_response: {{status: {status}}}{more}"


def forwards(cluster: str = "$be", match: str = "prefix: /", more: str = "") -> str:
    """A route to a cluster."""
    return f"match: {{{match}}}, route: {{cluster: {cluster}}}{more}"


def specifier(matcher: str) -> str:
    """The plugin that has a tree name the cluster."""
    config = f'{{"@type": {TYPES}/{SPECIFIER}.MatcherClusterSpecifier, cluster_matcher: {matcher}}}'
    return f"{{name: by-tree, typed_config: {config}}}"


def cluster(name: str) -> str:
    """The action that names a cluster."""
    return action(f"{SPECIFIER}.ClusterAction", f"cluster: {name}")


def chooses(name: str, action_: str, *steps: Step | bytes, route_config: str = "") -> Case:
    """A route whose action is `action_`."""
    return Case(
        f"cluster_specifier_{name}",
        steps or ASKED,
        routes=f"[{{match: {{prefix: /}}, name: r, route: {{{action_}}}}}]",
        route_config=route_config,
        clusters=CLUSTERS,
        upstreams=UPS,
        log_format=LOG,
    )


BY_PATH = tree(header(), {"/a": route(answers(201)), "/b": route(forwards(more=", name: b"))})
BY_CLUSTER = tree(header(), {"/a": cluster("$be"), "/b": cluster("$two"), "/c": cluster("none")})
WEIGHTS = (
    "match: {prefix: /}, route: {weighted_clusters: {clusters:"
    " [{name: $be, weight: 0}, {name: $two, weight: 1,"
    " request_headers_to_add: [{header: {key: x-w, value: w}}]}]}}"
)
REWRITES = "match: {prefix: /a}, route: {cluster: $be, prefix_rewrite: /z}, name: rewrites"
STATE = (
    f'{{name: i, typed_config: {{"@type": {TYPES}/'
    "envoy.extensions.matching.common_inputs.network.v3.FilterStateInput, key: k}}"
)
LISTED = (
    "{matcher_list: {matchers: ["
    f"{{predicate: {{single_predicate: {{input: {header()}, value_match: {{prefix: /a}}}}}},"
    f" on_match: {routes(answers(201, 'path: /a'), forwards('$two', 'prefix: /a/'))}}},"
    f"{{predicate: {{single_predicate: {{input: {header()}, value_match: {{suffix: b}}}}}},"
    f" on_match: {route(answers(202))}}}]}}}}"
)
INLINE = f"inline_cluster_specifier_plugin: {{extension: {specifier(BY_CLUSTER)}}}"
PLUGINS = f"cluster_specifier_plugins: [{{extension: {specifier(BY_CLUSTER)}}}]"

CASES = (
    host("route", BY_PATH),
    host("route_does_not_match", tree(header(), {"/a": route(answers(201, "prefix: /b"))})),
    host("list", tree(header(), {"/a": routes(answers(201, "prefix: /b"), forwards("$two"))})),
    host("empty_list", tree(header(), {"/a": routes()})),
    host(
        "prefixes",
        tree(header(), {"/a": route(answers(201)), "/a/": route(answers(202))}, "prefix"),
    ),
    host("conditions", LISTED),
    host(
        "otherwise",
        tree(header(), {"/a": route(answers(201))}, more=f", on_no_match: {route(forwards())}"),
    ),
    host(
        "nested",
        tree(
            header(":method"),
            {"GET": f"{{matcher: {tree(header(), {'/a': route(answers(201))})}}}"},
            more=f", on_no_match: {route(answers(203))}",
        ),
        *ASKED,
        b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    ),
    host("weights", tree(header(), {"/a": route(WEIGHTS)})),
    host("rewrites", tree(header(), {"/a": route(REWRITES)}, "prefix")),
    host("unknown_cluster", tree(header(), {"/a": route(forwards("none"))})),
    host("stat_prefix", tree(header(), {"/a": route(forwards(more=", stat_prefix: sp"))})),
    host(
        "levels",
        tree(
            header(),
            {
                "/a": route(
                    forwards(more=", request_headers_to_add: [{header: {key: x-l, value: r}}]")
                )
            },
        ),
        more=", request_headers_to_add: [{header: {key: x-l, value: h}}],"
        " virtual_clusters: [{name: vc, headers: [{name: ':path', string_match: {exact: /a}}]}]",
    ),
    host("requires_tls", BY_PATH, more=", require_tls: ALL"),
    host(
        "filter_state",
        tree(STATE, {"x": route(answers(201))}, more=f", on_no_match: {route(answers(202))}"),
    ),
    chooses("inline", INLINE),
    chooses("named", "cluster_specifier_plugin: by-tree", route_config=PLUGINS),
    chooses("no_match_status", f"{INLINE}, cluster_not_found_response_code: NOT_FOUND"),
    chooses("rewrites", f"{INLINE}, prefix_rewrite: /z/"),
)
