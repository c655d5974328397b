"""References, uniqueness, extensions and doubts; the errors are Envoy's verdicts."""

import pytest

from lateen.config import LoadOptions, load_bootstrap
from lateen.config.check import regex

HCM = (
    "type.googleapis.com/envoy.extensions.filters.network"
    ".http_connection_manager.v3.HttpConnectionManager"
)
ROUTER = '{name: r, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http'
ROUTER += ".router.v3.Router}}"
TCP = '{name: t, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network'
TCP += ".tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: c}}"
ADDRESS = "address: {socket_address: {address: 127.0.0.1, port_value: 8080}}"
ROUTES = "routes: [{match: {prefix: /}, route: {cluster: c}}]"
HOST = f'{{name: v, domains: ["*"], {ROUTES}}}'


def http(hosts=HOST, filters=ROUTER, more=""):
    return f"""
static_resources:
  clusters: [{{name: c}}]
  listeners:
  - name: l
    {ADDRESS}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": {HCM}
          stat_prefix: s
          {more}
          route_config: {{name: r, virtual_hosts: [{hosts}]}}
          http_filters: [{filters}]
"""


def routed(route):
    return http(hosts=f'{{name: v, domains: ["*"], routes: [{{match: {{prefix: /}}, {route}}}]}}')


def listeners(*items):
    return f"static_resources: {{clusters: [{{name: c}}], listeners: [{', '.join(items)}]}}"


def found(text, severity, strict=False):
    diagnostics = load_bootstrap(None, text, LoadOptions(strict=strict)).diagnostics
    return [d.message for d in diagnostics if d.severity == severity]


def test_a_good_configuration_has_no_diagnostics():
    assert load_bootstrap(None, http()).diagnostics == ()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("static_resources: {clusters: [{name: a}, {name: a}]}", "another cluster is called 'a'"),
        (routed("route: {cluster: cc}"), "there is no cluster 'cc'"),
        (routed("route: {weighted_clusters: {clusters: [{name: d, weight: 1}]}}"), "weighted"),
        (routed("route: {cluster: c, request_mirror_policies: [{cluster: m}]}"), "shadow cluster"),
        (http(HOST + "," + HOST.replace("name: v", "name: w")), "the domain '*' is in virtual"),
        (http('{name: v, domains: [a, A]}'), "the domain 'A' is in virtual host 'v' already"),
        (http(filters='{name: x, typed_config: {"@type": type.googleapis.com/google.protobuf'
              '.Empty}},' + ROUTER), "google.protobuf.Empty is no extension"),
        (http(filters="{name: envoy.filters.http.cors}," + ROUTER), "has no typed_config"),
        (http(filters=ROUTER[:-1] + ", disabled: true}"), "cannot be disabled"),
        (http(more="upgrade_configs: [{upgrade_type: a}, {upgrade_type: A}]"), "is there twice"),
        (http(more="access_log: [{name: envoy.access_loggers.file}]"), "has no typed_config"),
        (routed('route: {cluster: c, regex_rewrite: {pattern: {regex: "("}}}'), "RE2's syntax"),
        (listeners(f"{{name: a, filter_chains: [{{filters: [{TCP}]}}]}}"), "needs an address"),
        (listeners(f"{{name: a, {ADDRESS}, filter_chains: [{{filters: [{TCP}]}}]}}",
                   f"{{name: b, {ADDRESS}, filter_chains: [{{filters: [{TCP}]}}]}}"),
         "listener 'a' has the address 127.0.0.1:8080 already"),
        (listeners(f"{{name: a, {ADDRESS}, filter_chains: [{{filters: [{TCP}]}}, "
                   f"{{filters: [{TCP}]}}]}}"), "filter_chains[0] matches the same connections"),
        ("static_resources: {secrets: [{name: a}]}", "a secret needs a type"),
        ("static_resources: {clusters: [{name: a, load_assignment: {cluster_name: a, "
         "endpoints: [{lb_endpoints: [{}]}]}}]}", "an endpoint needs an address"),
        ("static_resources: {clusters: [{name: a, outlier_detection: {max_ejection_time: 1s}}]}",
         "less than base_ejection_time"),
        ("cluster_manager: {local_cluster_name: q}", "there is no cluster 'q'"),
        ("stats_flush_on_admin: true\nstats_flush_interval: 1s", "exclude each other"),
        ("admin: {access_log_path: /no/such/dir/log}", "its directory does not exist"),
    ],
)  # fmt: skip
def test_refused(text, part):
    [message] = found(text, "error")
    assert part in message


@pytest.mark.parametrize(
    "text",
    [
        routed("route: {cluster: cc}").replace(
            "{name: r, virtual", "{name: r, validate_clusters: false, virtual"
        ),
        http(filters="{name: envoy.filters.http.router}"),
        http(filters='{name: x, is_optional: true, typed_config: {"@type": type.googleapis.com/'
             'google.protobuf.Empty}},' + ROUTER),
        listeners(f"{{name: a, {ADDRESS.replace('8080', '0')}, filter_chains: [{{}}]}}",
                  f"{{name: b, {ADDRESS.replace('8080', '0')}, filter_chains: [{{}}]}}"),
        "static_resources: {clusters: [{name: a, type: STRICT_DNS, load_assignment: "
        "{cluster_name: a, endpoints: [{lb_endpoints: [{}]}]}}]}",
    ],
)  # fmt: skip
def test_accepted(text):
    assert found(text, "error") == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (http(filters=""), "without the router filter"),
        (http('{name: v, domains: [a]}, {name: v, domains: [b]}'), "virtual host is called 'v'"),
        (http(hosts=HOST.replace("routes: [", "routes: [{match: {prefix: /}, redirect: {}}, ")),
         "never reached"),
        (routed("route: {cluster: c, retry_policy: {retry_on: 5x}}"), "does not know '5x'"),
        (listeners(f"{{name: a, {ADDRESS}, filter_chains: [{{filters: [{TCP}]}}]}}").replace(
            "cluster: c}", "cluster: d}"), "there is no cluster 'd'"),
        (listeners(f"{{name: a, {ADDRESS}, filter_chains: [{{}}]}}",
                   f"{{name: a, {ADDRESS}, filter_chains: [{{}}]}}"), "listener is called 'a'"),
    ],
)  # fmt: skip
def test_a_doubt_is_an_error_only_when_strict(text, part):
    [message] = found(text, "warning")
    assert part in message
    assert found(text, "error") == []
    assert found(text, "error", strict=True) == [message]


def test_mistakes_of_all_kinds_are_found_in_one_pass():
    text = routed("route: {cluster: cc, timeuot: 1s}").replace("stat_prefix: s", "stat_prefix: ''")
    assert len(found(text, "error")) == 3


@pytest.mark.parametrize(
    "pattern",
    [
        *("a", ".*", "(?i)x", "a(?i)b", "(?P<n>a)", "(?<n>a)", "(?i:a)", "(?U)a+", r"\pL", r"\d\z"),
        *(r"[[:alpha:]]+", r"\Qa(b\E", r"\C", r"\x{10FFFF}", "a{1000}", "a{,5}", "a*?", "^$"),
    ],
)
def test_regular_expressions_of_re2(pattern):
    assert regex.problem(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "[",
        "*a",
        "a{2000}",
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?>a)",
        r"(a)\1",
        "a++",
        "a)",
        "a{2,1}",
    ],
)
def test_not_regular_expressions_of_re2(pattern):
    assert regex.problem(pattern) is not None
