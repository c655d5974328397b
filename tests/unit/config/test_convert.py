"""The proto3 JSON mapping as Envoy applies it: every verdict here was observed on Envoy 1.40."""

import pytest

from lateen.config.convert import Converter
from lateen.config.paths import render, steps_of
from lateen.config.yaml_tree import parse_yaml
from lateen.protos import envoy_types

BOOTSTRAP = "envoy.config.bootstrap.v3.Bootstrap"
CLUSTER = "envoy.config.cluster.v3.Cluster"
RAW = "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"


def convert(name, text):
    types = envoy_types()
    message = types.message_class(name)()
    converter = Converter(types)
    converter.fill(message, parse_yaml(text), None)
    found = [(render(steps_of(p.place)), p.message, p.hint) for p in converter.problems]
    return message, found


def cluster(text):
    return convert(CLUSTER, text)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("{port_value: 80}", "port_value", 80),
        ('{port_value: "80"}', "port_value", 80),
        ("{port_value: 80.0}", "port_value", 80),
        ("{port_value: 8e1}", "port_value", 80),
        ('{port_value: "0x50"}', "port_value", 80),
        ("{portValue: 010}", "port_value", 8),
        ("{ipv4_compat: on}", "ipv4_compat", True),
        ('{ipv4_compat: "yes"}', "ipv4_compat", True),
        ("{ipv4_compat: t}", "ipv4_compat", True),
        ("{protocol: udp}", "protocol", 1),
        ("{protocol: 1}", "protocol", 1),
        ('{protocol: "1"}', "protocol", 1),
        ("{protocol: ~}", "protocol", 0),
        ("{address: 5.5}", "address", "5.5"),
        ("{address: 3000000000}", "address", "3000000000"),
    ],
)
def test_scalars_accepted(text, field, value):
    message, problems = convert("envoy.config.core.v3.SocketAddress", text)
    assert problems == []
    assert getattr(message, field) == value


@pytest.mark.parametrize(
    "text",
    [
        *("{port_value: -1}", "{port_value: 4294967296}", '{port_value: " 80"}'),
        *("{port_value: 80.5}", "{port_value: true}", "{port_value: [80]}", '{port_value: ""}'),
        *("{ipv4_compat: 1}", '{ipv4_compat: "on"}', "{ipv4_compat: oN}", "{ipv4_compat: [true]}"),
        *("{protocol: true}", "{protocol: []}", "{protocol: 0.0}", "{protocol: TCPP}"),
        *("{address: 5}", "{address: n}", "{address: 0x10}", "{address: [a]}", "{address: {}}"),
        *("[]", "x", "5", "true", "[{address: a}]"),
    ],
)
def test_scalars_refused(text):
    _, problems = convert("envoy.config.core.v3.SocketAddress", text)
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("0.25s", 0, 250_000_000),
        ("5s", 5, 0),
        ("01s", 1, 0),
        ("1.500000001s", 1, 500_000_001),
        ("-5s", -5, 0),
        ("{seconds: 5}", 5, 0),
        ('{seconds: "5", nanos: 1}', 5, 1),
        ("{seconds: 1.0}", 1, 0),
    ],
)
def test_durations(text, seconds, nanos):
    message, problems = cluster(f"connect_timeout: {text}")
    assert problems == []
    assert (message.connect_timeout.seconds, message.connect_timeout.nanos) == (seconds, nanos)


@pytest.mark.parametrize(
    "text",
    [
        *("5", '"5"', ".25s", "5.s", "1e3s", "5ms", "1m", "6 s", '" 1s"', "1S", "+1s", "[1s]"),
        *("0.1234567891s", "315576000001s", "{secnds: 5}"),
    ],
)
def test_durations_refused(text):
    _, problems = cluster(f"connect_timeout: {text}")
    assert len(problems) == 1


@pytest.mark.parametrize("text", ["5", '"5"', "{value: 5}", "5.0"])
def test_wrappers(text):
    message, problems = cluster(f"per_connection_buffer_limit_bytes: {text}")
    assert problems == []
    assert message.per_connection_buffer_limit_bytes.value == 5


def test_an_empty_wrapper_is_set_and_null_is_not():
    message, _ = cluster("per_connection_buffer_limit_bytes: {}")
    assert message.HasField("per_connection_buffer_limit_bytes")
    message, _ = cluster("per_connection_buffer_limit_bytes: ~")
    assert not message.HasField("per_connection_buffer_limit_bytes")


@pytest.mark.parametrize("text", ["x", "-1", "[5]"])
def test_wrappers_refused(text):
    assert len(cluster(f"per_connection_buffer_limit_bytes: {text}")[1]) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [('""', b""), ("YWI=", b"ab"), ("YWI", b"ab"), ("YW_-", b"ao\xfe"), ("YW+/", b"ao\xbf")],
)
def test_bytes(text, value):
    message, problems = convert("envoy.config.core.v3.DataSource", f"inline_bytes: {text}")
    assert problems == []
    assert message.inline_bytes == value


@pytest.mark.parametrize("text", ['"YW I="', '"YWI=="', "YWJj=", "Y", "5"])
def test_bytes_refused(text):
    assert len(convert("envoy.config.core.v3.DataSource", f"inline_bytes: {text}")[1]) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x", ["x"]),
        ("[x, ~, z]", ["x", "", "z"]),
        ("[[x], [z]]", ["x", "z"]),
        ("~", []),
        ("[]", []),
    ],
)
def test_lists(text, value):
    message, problems = convert("envoy.config.core.v3.Node", f"client_features: {text}")
    assert problems == []
    assert list(message.client_features) == value


def test_a_null_in_a_list_of_messages_is_an_empty_one():
    message, problems = cluster("health_checks: [~, {}]")
    assert problems == []
    assert len(message.health_checks) == 2


def test_struct_values_keep_their_kind():
    message, problems = convert(
        "envoy.config.core.v3.Node", "metadata: {a: 1.5, b: [1, {c: ~}], d: yes, e: 0x10}"
    )
    assert problems == []
    metadata = message.metadata
    assert metadata["a"] == "1.5"
    assert metadata["b"][0] == 1
    assert metadata["b"][1]["c"] is None
    assert metadata["d"] is True
    assert metadata["e"] == 16


def test_maps():
    message, problems = convert(
        "envoy.config.core.v3.Node", "dynamic_parameters: {1: {params: {a: b}}, x: ~}"
    )
    assert problems == []
    assert dict(message.dynamic_parameters["1"].params) == {"a": "b"}
    assert set(message.dynamic_parameters) == {"1", "x"}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("dynamic_parameters: []", "dynamic_parameters"),
        ("dynamic_parameters: {a: {params: {b: 1}}}", "dynamic_parameters.a.params.b"),
        ("metadata: []", "metadata"),
        ("user_agent_version: v, user_agent_build_version: {}", "user_agent_build_version"),
        ("user_agent_name: v, userAgentName: w", "userAgentName"),
        ("UserAgentName: x", "UserAgentName"),
        ("nothing: ~", "nothing"),
    ],
)
def test_problems_have_a_path(text, path):
    _, problems = convert("envoy.config.core.v3.Node", f"{{{text}}}")
    assert [problem[0] for problem in problems] == [path]


def test_the_nearest_name_is_suggested():
    _, problems = cluster("{lb_polcy: RANDOM, type: STATIK}")
    assert [problem[2] for problem in problems] == [
        "did you mean 'lb_policy'?",
        "did you mean 'STATIC'?",
    ]


@pytest.mark.parametrize("prefix", ["type.googleapis.com", "foo.test/a"])
def test_an_any_is_packed(prefix):
    url = f"{prefix}/{RAW.rpartition('/')[2]}"
    message, problems = cluster(f'transport_socket: {{name: x, typed_config: {{"@type": {url}}}}}')
    assert problems == []
    assert message.transport_socket.typed_config.type_url == url


def test_a_well_known_type_in_an_any_is_its_value():
    kind = "type.googleapis.com/google.protobuf.Duration"
    message, problems = cluster(
        f'metadata: {{typed_filter_metadata: {{a: {{"@type": {kind}, value: 1.5s}}}}}}'
    )
    assert problems == []
    assert message.metadata.typed_filter_metadata["a"].value == b"\x08\x01\x10\x80\xca\xb5\xee\x01"


@pytest.mark.parametrize(
    ("config", "part"),
    [
        ('{"@type": RawBuffer}', "host"),
        ('{"@type": /envoy.config.cluster.v3.Cluster}', "host"),
        ('{"@type": type.googleapis.com/envoy.Nothing}', "unknown type"),
        ('{"@type": 5}', "must be a string"),
        ("{a: 1}", "@type is missing"),
        ("[]", "expected a mapping"),
        (f'{{"@type": {RAW}, a: 1}}', "has no field 'a'"),
        ('{"@type": type.googleapis.com/google.protobuf.Duration, seconds: 1}', "only 'value'"),
    ],
)
def test_an_any_is_refused(config, part):
    _, problems = cluster(f"transport_socket: {{name: x, typed_config: {config}}}")
    assert len(problems) == 1
    assert part in problems[0][1]


def test_every_problem_is_reported():
    _, problems = cluster("{name: 5, type: X, nothing: 1, connect_timeout: 1, metadata: x}")
    assert len(problems) == 5


def test_a_null_excludes_nothing():
    message, problems = convert(
        "envoy.config.core.v3.Node", "{user_agent_version: v, user_agent_build_version: ~}"
    )
    assert (problems, message.user_agent_version) == ([], "v")
