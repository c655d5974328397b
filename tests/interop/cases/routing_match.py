"""Which virtual host and which route a request meets."""

from __future__ import annotations

from collections.abc import Sequence

from tests.interop.model import Case
from tests.support.client import get, post


def table(name: str, matches: Sequence[str], *requests: bytes, hcm: str = "") -> Case:
    """Routes that answer with their own number, in order, and requests that meet them."""
    routes = "\n".join(
        f"- {{match: {{{match}}}, name: r{number},"
        f" direct_response: {{status: {200 + number}, body: {{inline_string: route {number}}}}}}}"
        for number, match in enumerate(matches)
    )
    return Case(name, requests, routes=routes, clusters="[]", upstreams={}, hcm=hcm)


def header(name: str, matcher: str, *headers: str) -> Case:
    """One header matcher against requests with some headers, and a route for the rest."""
    requests = [get("/", headers=lines) for lines in headers]
    return table(name, [f"prefix: /, headers: [{{{matcher}}}]", "prefix: /"], *requests)


def query(name: str, matcher: str, *queries: str) -> Case:
    """One query parameter matcher against some query strings."""
    requests = [get(f"/{text}") for text in queries]
    return table(name, [f"prefix: /, query_parameters: [{{{matcher}}}]", "prefix: /"], *requests)


def hosts(name: str, domains: Sequence[str], *names: str, extra: str = "") -> Case:
    """Virtual hosts that answer with their own number, and requests to some hosts."""
    virtual_hosts = "\n".join(
        f"- {{name: vh{number}, domains: {listed}, routes: [{{match: {{prefix: /}},"
        f" direct_response: {{status: {200 + number}}}}}]}}"
        for number, listed in enumerate(domains)
    )
    requests = tuple(get("/", host=host) for host in names)
    return Case(
        name, requests, virtual_hosts=virtual_hosts, clusters="[]", upstreams={},
        route_config=extra,
    )  # fmt: skip


ONE = "X-A: one\r\n"
URI_TEMPLATE = (
    "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"
)


def template(pattern: str) -> str:
    """A match by URI template."""
    return (
        "path_match_policy: {name: envoy.path.match.uri_template.uri_template_matcher,"
        f' typed_config: {{"@type": {URI_TEMPLATE}, path_template: "{pattern}"}}}}'
    )


CASES = (
    hosts("vhost_exact", ["[a.test]", "[b.test, c.test]"], "a.test", "c.test", "d.test", "A.TEST"),
    hosts("vhost_port", ["['a.test:80']", "[a.test]"], "a.test", "a.test:80", "a.test:81"),
    hosts(
        "vhost_ignore_port",
        ["[a.test]", "['*']"],
        "a.test:80",
        "a.test",
        "[::1]:80",
        extra="ignore_port_in_host_matching: true",
    ),
    hosts(
        "vhost_suffix_longest",
        ["['*.test']", "['*.a.test']", "['*-x.a.test']", "['*']"],
        "b.test",
        "b.a.test",
        "c.b.a.test",
        "q-x.a.test",
        ".test",
        "test",
        "a.test",
    ),
    hosts(
        "vhost_prefix_longest",
        ["['a.*']", "['a.b.*']", "['*']"],
        "a.test",
        "a.b.test",
        "a.b.",
        "a.",
        "x.a.test",
        "A.b.C",
    ),
    hosts(
        "vhost_order",
        ["['*.test']", "['a.*']", "[a.test]", "['*']"],
        "a.test",
        "b.test",
        "a.other",
        "none.other",
    ),
    hosts("vhost_middle_star", ["['a.*.test']", "['*']"], "a.b.test", "a.*.test"),
    hosts("vhost_none", ["[a.test]"], "b.test"),
    hosts("vhost_domain_upper_case", ["[A.Test]", "['*']"], "a.test", "A.Test"),
    table(
        "match_prefix",
        ["prefix: /a/b", "prefix: /a", "prefix: /"],
        get("/a/b/c"),
        get("/a/x"),
        get("/ab"),
        get("/x"),
        get("/a/b?q"),
        get("/A"),
    ),
    table(
        "match_path",
        ["path: /a", "path: /a/"],
        get("/a"),
        get("/a/"),
        get("/a?x=1"),
        get("/ab"),
        get("/A"),
    ),
    table(
        "match_case_insensitive",
        ["path: /Abc, case_sensitive: false", "prefix: /De, case_sensitive: false"],
        get("/aBC"),
        get("/dEf"),
        get("/xyz"),
    ),
    table(
        "match_regex",
        ["safe_regex: {regex: '/a[0-9]+'}", "safe_regex: {regex: '/.*\\.html'}"],
        get("/a12"),
        get("/a12x"),
        get("/x.html?y"),
        get("/xa12"),
        get("/A1"),
    ),
    table(
        "match_separated_prefix",
        ["path_separated_prefix: /api", "prefix: /"],
        get("/api"),
        get("/api/x"),
        get("/apix"),
        get("/api?x"),
        get("/api//"),
        get("/API"),
    ),
    table(
        "match_uri_template",
        [template("/a/{x}/b"), template("/c/**"), template("/d/*/e")],
        get("/a/1/b"),
        get("/a/1/2/b"),
        get("/c/1/2/3"),
        get("/c"),
        get("/c/"),
        get("/a/1/b?q=1"),
    ),
    table(
        "match_uri_template_more",
        [template("/v/{a=*}/{b=**}"), template("/w/{a}.m3u8"), template("/x/*/*")],
        get("/v/1/2/3"),
        get("/w/z.m3u8"),
        get("/w/z.ts"),
        get("/x/1/2"),
        get("/x/1/2/3"),
    ),
    table("match_order", ["prefix: /", "path: /a"], get("/a")),
    table(
        "match_connect",
        ["connect_matcher: {}", "prefix: /"],
        get("/"),
        b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n",
    ),
    table(
        "match_grpc",
        ["prefix: /, grpc: {}", "prefix: /"],
        post("/a.B/C", b"", headers="Content-Type: application/grpc\r\n"),
        post("/a.B/C", b"", headers="Content-Type: application/grpc+proto\r\n"),
        post("/a.B/C", b"", headers="Content-Type: application/grpcx\r\n"),
        get("/", headers="Content-Type: application/grpc\r\n"),
    ),
    table(
        "match_runtime_fraction",
        [
            "prefix: /, runtime_fraction: {default_value: {numerator: 0}}",
            "prefix: /, runtime_fraction: {default_value: {numerator: 100}, runtime_key: x.y}",
            "prefix: /",
        ],
        get("/"),
    ),
    header(
        "header_exact",
        "name: x-a, string_match: {exact: one}",
        ONE,
        "X-A: ONE\r\n",
        "",
        "X-A: one\r\nX-A: two\r\n",
    ),
    header(
        "header_exact_repeated",
        "name: x-a, string_match: {exact: 'one,two'}",
        "X-A: one\r\nX-A: two\r\n",
        ONE,
    ),
    header(
        "header_exact_ignore_case",
        "name: X-A, string_match: {exact: One, ignore_case: true}",
        "x-a: oNE\r\n",
        "x-a: two\r\n",
    ),
    header("header_prefix", "name: x-a, string_match: {prefix: 'on'}", ONE, "X-A: no\r\n"),
    header("header_suffix", "name: x-a, string_match: {suffix: ne}", ONE, "X-A: no\r\n"),
    header("header_contains", "name: x-a, string_match: {contains: n}", ONE, "X-A: x\r\n"),
    header(
        "header_regex",
        "name: x-a, string_match: {safe_regex: {regex: '[a-z]+'}}",
        ONE,
        "X-A: one1\r\n",
    ),
    header("header_old_exact", "name: x-a, exact_match: one", ONE, "X-A: two\r\n"),
    header("header_old_prefix_suffix", "name: x-a, prefix_match: o", ONE, "X-A: two\r\n"),
    header("header_old_regex", "name: x-a, safe_regex_match: {regex: 'o.e'}", ONE, "X-A: two\r\n"),
    header(
        "header_range",
        "name: x-a, range_match: {start: -5, end: 10}",
        "X-A: -5\r\n",
        "X-A: 9\r\n",
        "X-A: 10\r\n",
        "X-A: 1x\r\n",
        "X-A:\r\n",
        "",
    ),
    header("header_present", "name: x-a, present_match: true", ONE, "", "X-A:\r\n"),
    header("header_absent", "name: x-a, present_match: false", ONE, ""),
    header("header_no_matcher", "name: x-a", ONE, ""),
    header(
        "header_inverted",
        "name: x-a, string_match: {exact: one}, invert_match: true",
        ONE,
        "X-A: two\r\n",
        "",
    ),
    header(
        "header_inverted_present", "name: x-a, present_match: true, invert_match: true", ONE, ""
    ),
    header(
        "header_missing_as_empty",
        "name: x-a, string_match: {safe_regex: {regex: '.*'}}, treat_missing_header_as_empty: true",
        "",
        ONE,
    ),
    header(
        "header_missing_as_empty_inverted",
        "name: x-a, string_match: {exact: one}, invert_match: true, "
        "treat_missing_header_as_empty: true",
        "",
        ONE,
    ),
    header("header_method", "name: ':method', string_match: {exact: GET}", ""),
    header("header_path_pseudo", "name: ':path', string_match: {contains: '?'}", ""),
    header("header_authority", "name: ':authority', string_match: {prefix: example}", ""),
    header("header_scheme", "name: ':scheme', string_match: {exact: http}", ""),
    header("header_host_name", "name: host, string_match: {exact: example.com}", ""),
    table(
        "headers_all_needed",
        [
            "prefix: /, headers: [{name: x-a, present_match: true},"
            " {name: x-b, present_match: true}]",
            "prefix: /",
        ],
        get("/", headers=ONE),
        get("/", headers=ONE + "X-B: 1\r\n"),
    ),
    query(
        "query_exact",
        "name: a, string_match: {exact: '1'}",
        "?a=1",
        "?a=2",
        "",
        "?b=1&a=1",
        "?a=1&a=2",
        "?a=%31",
        "?A=1",
    ),
    query("query_present", "name: a, present_match: true", "?a", "?a=", "?ab=1", "?b=a"),
    query("query_regex", "name: a, string_match: {safe_regex: {regex: '[0-9]+'}}", "?a=12", "?a=x"),
    query(
        "query_prefix_ignore_case",
        "name: a, string_match: {prefix: X, ignore_case: true}",
        "?a=xyz",
        "?a=yx",
    ),
    query("query_no_matcher", "name: a", "?a=1", "?b=1"),
    table("route_without_match_404", ["path: /only"], get("/other")),
    Case(
        "match_cookies",
        (get("/", headers="Cookie: a=1; b=2\r\n"), get("/")),
        routes="[{match: {prefix: /, cookies: [{name: b, string_match: {exact: '2'}}]},"
        " direct_response: {status: 201}},"
        " {match: {prefix: /}, direct_response: {status: 202}}]",
        clusters="[]",
        upstreams={},
    ),
    Case(
        "virtual_cluster",
        (get("/users/1"), get("/other")),
        virtual_hosts="""
- name: $vh
  domains: ["*"]
  virtual_clusters:
  - name: users
    headers: [{name: ":path", string_match: {prefix: /users}}]
  routes: [{match: {prefix: /}, route: {cluster: $be}}]
""",
    ),
    Case(
        "virtual_host_matcher_tree",
        (get("/a"), get("/b")),
        virtual_hosts="""
- name: vh
  domains: ["*"]
  matcher:
    matcher_tree:
      input:
        name: path
        typed_config:
          "@type": type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput
          header_name: ":path"
      exact_match_map:
        map:
          /a:
            action:
              name: route
              typed_config:
                "@type": type.googleapis.com/envoy.config.route.v3.Route
                match: {prefix: /}
                direct_response: {status: 201}
""",
        clusters="[]",
        upstreams={},
    ),
    Case(
        "require_tls_all",
        (get("/a?b=1", host="a.test:8080"), get("/a", headers="X-Forwarded-Proto: https\r\n")),
        virtual_hosts="""
- name: vh
  domains: ["*"]
  require_tls: ALL
  routes: [{match: {prefix: /}, route: {cluster: $be}}]
""",
    ),
    Case(
        "require_tls_external_only",
        (get("/a"), get("/a", headers="X-Forwarded-For: 127.0.0.1\r\n")),
        virtual_hosts="""
- name: vh
  domains: ["*"]
  require_tls: EXTERNAL_ONLY
  routes: [{match: {prefix: /}, route: {cluster: $be}}]
""",
        hcm="internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}",
    ),
)
