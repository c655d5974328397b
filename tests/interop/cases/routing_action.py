"""What a route does: forward, redirect, answer, rewrite."""

from __future__ import annotations

from tests.interop.model import Case
from tests.support.client import get, post

TEMPLATE_MATCH = (
    "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"
)
TEMPLATE_REWRITE = (
    "type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig"
)


def redirect(name: str, action: str, *requests: bytes, match: str = "prefix: /") -> Case:
    """A redirect in one of its forms."""
    return Case(
        name,
        requests or (get("/a/b?c=d", host="example.com:8080"), get("/a/b")),
        routes=f"[{{match: {{{match}}}, redirect: {{{action}}}}}]",
        clusters="[]",
        upstreams={},
    )


def forwarded(name: str, action: str, *requests: bytes, match: str = "prefix: /a") -> Case:
    """A request forwarded with some rewrite."""
    return Case(
        name,
        requests or (get("/a/b?c=d"), get("/a"), get("/ab")),
        routes=f"[{{match: {{{match}}}, route: {{cluster: $be, {action}}}}}]",
    )


def answered(name: str, response: str, *requests: bytes, more: str = "") -> Case:
    """A response that the proxy makes itself."""
    return Case(
        name,
        requests or (get("/"),),
        routes=f"[{{match: {{prefix: /}}, direct_response: {{{response}}}{more}}}]",
        clusters="[]",
        upstreams={},
    )


CASES = (
    redirect("redirect_host", "host_redirect: other.test"),
    redirect("redirect_host_with_port", "host_redirect: 'other.test:99'"),
    redirect("redirect_port", "port_redirect: 1234"),
    redirect("redirect_host_and_port", "host_redirect: o.test, port_redirect: 1234"),
    redirect("redirect_path", "path_redirect: /new"),
    redirect("redirect_path_with_query", "path_redirect: '/new?x=y'"),
    redirect("redirect_prefix", "prefix_rewrite: /new", match="prefix: /a"),
    redirect("redirect_prefix_of_path", "prefix_rewrite: /new", match="path: /a/b"),
    redirect(
        "redirect_regex", "regex_rewrite: {pattern: {regex: '/a/(.*)'}, substitution: '/n/\\1'}"
    ),
    redirect("redirect_strip_query", "host_redirect: o.test, strip_query: true"),
    redirect(
        "redirect_https",
        "https_redirect: true",
        get("/x", host="a.test:80"),
        get("/x", host="a.test:8080"),
        get("/x", host="a.test"),
    ),
    redirect("redirect_https_port", "https_redirect: true, port_redirect: 443"),
    redirect("redirect_scheme", "scheme_redirect: ws"),
    redirect("redirect_302", "host_redirect: o.test, response_code: FOUND"),
    redirect("redirect_303", "host_redirect: o.test, response_code: SEE_OTHER"),
    redirect("redirect_307", "host_redirect: o.test, response_code: TEMPORARY_REDIRECT"),
    redirect("redirect_308", "host_redirect: o.test, response_code: PERMANENT_REDIRECT"),
    redirect("redirect_post", "host_redirect: o.test", post("/x", b"abc")),
    redirect("redirect_nothing", ""),
    Case(
        "redirect_headers",
        (get("/x"),),
        routes="""
- match: {prefix: /}
  redirect: {host_redirect: o.test}
  response_headers_to_add: [{header: {key: x-r, value: "1"}}]
""",
        clusters="[]",
        upstreams={},
    ),
    answered("direct_empty", "status: 200"),
    answered("direct_body", "status: 203, body: {inline_string: 'hello\n'}"),
    answered("direct_bytes", "status: 200, body: {inline_bytes: aGVsbG8=}"),
    answered("direct_odd_status", "status: 599"),
    answered("direct_204", "status: 204"),
    answered(
        "direct_head",
        "status: 200, body: {inline_string: hello}",
        b"HEAD / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
    ),
    answered("direct_post", "status: 200, body: {inline_string: x}", post("/", b"abc")),
    answered(
        "direct_content_type",
        "status: 200, body: {inline_string: '{}'}",
        more=", response_headers_to_add: [{header: {key: content-type,"
        " value: application/json}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]",
    ),
    answered(
        "direct_content_type_append",
        "status: 200, body: {inline_string: '{}'}",
        more=", response_headers_to_add: [{header: {key: content-type, value: application/json}}]",
    ),
    Case(
        "non_forwarding",
        (get("/"),),
        routes="[{match: {prefix: /}, non_forwarding_action: {}}]",
        clusters="[]",
        upstreams={},
    ),
    Case(
        "cluster_header",
        (
            get("/", headers="x-cluster: $be\r\n"),
            get("/", headers="x-cluster: nope\r\n"),
            get("/"),
        ),
        routes="[{match: {prefix: /}, route: {cluster_header: x-cluster}}]",
    ),
    Case(
        "cluster_not_found_code",
        (get("/"),),
        routes="[{match: {prefix: /}, route: {cluster_header: x-c,"
        " cluster_not_found_response_code: NOT_FOUND}}]",
    ),
    Case(
        "cluster_header_internal_error",
        (get("/"),),
        routes="[{match: {prefix: /}, route: {cluster_header: x-c,"
        " cluster_not_found_response_code: INTERNAL_SERVER_ERROR}}]",
    ),
    Case(
        "weighted_all_one",
        (get("/"), get("/")),
        routes="""
- match: {prefix: /}
  route:
    weighted_clusters:
      clusters:
      - name: $be
        weight: 100
        host_rewrite_literal: weighted.test
        request_headers_to_add: [{header: {key: x-w, value: "1"}}]
        request_headers_to_remove: [x-gone]
        response_headers_to_add: [{header: {key: x-wr, value: "2"}}]
        response_headers_to_remove: [x-envoy-upstream-service-time]
      - {name: $other, weight: 0}
""",
        clusters="[{name: $be, hosts: [$up]}, {name: $other, hosts: []}]",
    ),
    Case(
        "weighted_by_header",
        (get("/", headers="x-pick: 5\r\n"), get("/", headers="x-pick: 25\r\n")),
        routes="""
- match: {prefix: /}
  route:
    weighted_clusters:
      header_name: x-pick
      clusters: [{name: $be, weight: 10}, {name: $none, weight: 20}]
""",
        clusters="[{name: $be, hosts: [$up]}, {name: $none, hosts: []}]",
    ),
    forwarded("rewrite_prefix", "prefix_rewrite: /z"),
    forwarded("rewrite_prefix_slash", "prefix_rewrite: /", match="prefix: /a/"),
    forwarded(
        "rewrite_prefix_case",
        "prefix_rewrite: /z",
        get("/A/b"),
        match="prefix: /a, case_sensitive: false",
    ),
    forwarded(
        "rewrite_prefix_separated",
        "prefix_rewrite: /z",
        get("/a/b"),
        get("/a"),
        match="path_separated_prefix: /a",
    ),
    forwarded("rewrite_path_whole", "prefix_rewrite: /z", get("/a?q=1"), match="path: /a"),
    forwarded(
        "rewrite_regex",
        "regex_rewrite: {pattern: {regex: '^/a/([^/]+)'}, substitution: '/got/\\1/x'}",
    ),
    forwarded(
        "rewrite_regex_all",
        "regex_rewrite: {pattern: {regex: 'a'}, substitution: 'bb'}",
        get("/a/a?a=a"),
    ),
    forwarded(
        "rewrite_regex_groups",
        "regex_rewrite: {pattern: {regex: '(/a)(/b)?'}, substitution: '\\2\\1\\0'}",
        get("/a/b"),
    ),
    forwarded(
        "rewrite_regex_missing_group",
        "regex_rewrite: {pattern: {regex: 'a'}, substitution: 'x\\1'}",
    ),
    forwarded(
        "rewrite_template",
        f"path_rewrite_policy: {{name: r, typed_config: {{'@type': {TEMPLATE_REWRITE},"
        " path_template_rewrite: '/new/{y}/{x}'}}",
        get("/a/1/2?q=3"),
        match=f"path_match_policy: {{name: m, typed_config: {{'@type': {TEMPLATE_MATCH},"
        " path_template: '/a/{x}/{y}'}}",
    ),
    forwarded("host_rewrite_literal", "host_rewrite_literal: new.test"),
    forwarded(
        "host_rewrite_header",
        "host_rewrite_header: x-host",
        get("/a", headers="X-Host: from.test\r\n"),
        get("/a"),
    ),
    forwarded(
        "host_rewrite_path_regex",
        "host_rewrite_path_regex: {pattern: {regex: '^/a/([a-z]+).*'}, substitution: '\\1.test'}",
        get("/a/foo?x=y"),
    ),
    forwarded(
        "host_rewrite_append",
        "host_rewrite_literal: n.test, append_x_forwarded_host: true",
        get("/a"),
        get("/a", headers="X-Forwarded-Host: old.test\r\n"),
    ),
    Case(
        "auto_host_rewrite",
        (get("/x"),),
        routes="[{match: {prefix: /}, route: {cluster: $be, auto_host_rewrite: true}}]",
        clusters="""
- name: $be
  type: STRICT_DNS
  load_assignment:
    cluster_name: $be
    endpoints:
    - lb_endpoints:
      - endpoint: {address: {socket_address: {address: localhost, port_value: $up}}}
  dns_lookup_family: V4_ONLY
""",
        ignore_stats=r"cluster\..*update_|max_host_weight",
    ),
    Case(
        "auto_host_rewrite_static",
        (get("/x"),),
        routes="[{match: {prefix: /}, route: {cluster: $be, auto_host_rewrite: true}}]",
    ),
    Case(
        "auto_host_rewrite_hostname",
        (get("/x"),),
        routes="[{match: {prefix: /}, route: {cluster: $be, auto_host_rewrite: true}}]",
        clusters="""
- name: $be
  load_assignment:
    cluster_name: $be
    endpoints:
    - lb_endpoints:
      - endpoint:
          hostname: named.test
          address: {socket_address: {address: 127.0.0.1, port_value: $up}}
""",
    ),
    Case(
        "route_name_in_log",
        (get("/x"),),
        routes="[{match: {prefix: /}, name: my-route, route: {cluster: $be}}]",
    ),
    Case(
        "route_priority_high",
        (get("/x"),),
        routes="[{match: {prefix: /}, route: {cluster: $be, priority: HIGH}}]",
    ),
    Case(
        "route_stat_prefix",
        (get("/x"),),
        routes="[{match: {prefix: /}, stat_prefix: $rsp, route: {cluster: $be}}]",
    ),
    Case(
        "route_metadata",
        (get("/x"),),
        routes="[{match: {prefix: /}, route: {cluster: $be},"
        " metadata: {filter_metadata: {a: {b: c}}}}]",
    ),
    Case(
        "internal_redirect_off",
        (get("/x"),),
        routes="[{match: {prefix: /}, route: {cluster: $be}}]",
    ),
)
