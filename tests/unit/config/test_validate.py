"""validate.rules and deprecations, on Envoy's own messages."""

import pytest

from lateen.config.convert import Converter
from lateen.config.paths import render, steps_of
from lateen.config.validate import Validator
from lateen.config.yaml_tree import parse_yaml
from lateen.protos import envoy_types

CORE = "envoy.config.core.v3"
ROUTE = "envoy.config.route.v3"


def violations(name, text):
    types = envoy_types()
    message = types.message_class(name)()
    converter = Converter(types)
    converter.fill(message, parse_yaml(text), None)
    assert converter.problems == []
    found = Validator(types).check(message)
    return [(render(steps_of(v.place)), v.message, v.warning) for v in found]


@pytest.mark.parametrize(
    ("name", "text", "path", "part"),
    [
        (f"{CORE}.SocketAddress", "{port_value: 1}", "address", "must not be empty"),
        (f"{CORE}.SocketAddress", "{address: a}", "", "one of port_value, named_port is required"),
        (f"{CORE}.SocketAddress", "{address: a, port_value: 65536}", "port_value", "at most 65535"),
        (f"{CORE}.Pipe", "{path: /x, mode: 512}", "mode", "at most 511"),
        (f"{CORE}.HeaderValueOption", "{}", "header", "is required"),
        (f"{CORE}.HeaderValue", '{key: "a\\nb"}', "key", "must match"),
        (f"{CORE}.DataSource", "{}", "", "one of filename"),
        (f"{CORE}.BackoffStrategy", "{base_interval: 0s}", "base_interval", "at least 0.001s"),
        (f"{CORE}.Http2ProtocolOptions", "{max_concurrent_streams: 0}", "max_concurrent_streams",
         "at least 1"),
        (f"{ROUTE}.VirtualHost", "{name: a}", "domains", "at least 1 items"),
        (f"{ROUTE}.RedirectAction", "{response_code: 9}", "response_code", "is no value of"),
        (f"{ROUTE}.DirectResponseAction", "{status: 600}", "status", "less than 600"),
        (f"{ROUTE}.RouteMatch", '{path_separated_prefix: "/a?"}', "path_separated_prefix", "match"),
        (f"{ROUTE}.Route", '{match: {prefix: /}, route: {cluster: a}, request_headers_to_remove: '
         '[""]}', "request_headers_to_remove[0]", "must"),
        ("envoy.type.v3.Percent", "{value: 100.5}", "value", "at most 100"),
    ],
)  # fmt: skip
def test_a_broken_rule(name, text, path, part):
    [(where, message, warning)] = violations(name, text)
    assert where == path
    assert part in message
    assert not warning


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (f"{CORE}.SocketAddress", "{address: a, port_value: 0}"),
        (f"{CORE}.HeaderValue", '{key: "a b", value: ""}'),
        (f"{ROUTE}.VirtualHost", "{name: a, domains: ['']}"),
        (f"{ROUTE}.RouteConfiguration", "{name: r}"),
        (f"{ROUTE}.RouteMatch", '{prefix: ""}'),
        ("envoy.type.v3.Percent", "{value: nan}"),
    ],
)
def test_what_keeps_the_rules(name, text):
    assert violations(name, text) == []


def test_rules_are_checked_inside_lists_maps_and_any():
    text = """
metadata: {typed_filter_metadata: {a: {"@type": type.googleapis.com/envoy.config.core.v3.Pipe}}}
name: c
load_assignment:
  cluster_name: c
  endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {}}}}]}]
"""
    found = violations("envoy.config.cluster.v3.Cluster", text)
    assert sorted(path for path, _, _ in found) == [
        "load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.pipe.path",
        "metadata.typed_filter_metadata.a.path",
    ]


def test_a_negative_duration_is_refused_wherever_it_is():
    text = "{name: a, cleanup_interval: 1s, connect_timeout: 1s, dns_jitter: -1s}"
    messages = [message for _, message, _ in violations("envoy.config.cluster.v3.Cluster", text)]
    assert "a duration must not be negative" in messages


def test_a_deprecated_field_is_a_warning():
    [(path, message, warning)] = violations(
        "envoy.config.cluster.v3.Cluster", "{name: a, track_timeout_budgets: true}"
    )
    assert path == "track_timeout_budgets"
    assert "deprecated" in message
    assert warning
