"""Whole files: merging, formats, and every problem with its position in one pass."""

from pathlib import Path

import pytest

from lateen.config import LoadOptions, load_bootstrap

HELLO = Path(__file__).parents[3] / "examples/hello/envoy.yaml"

THREE_MISTAKES = """\
static_resources:
  clusters:
  - name: a
    conect_timeout: 1s
    type: STATICC
  - name: b
    load_assignment:
      cluster_name: b
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 99999}}}
"""


def write(tmp_path, text, name="envoy.yaml"):
    path = tmp_path / name
    path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
    return str(path)


def load(tmp_path, text, name="envoy.yaml", **options):
    return load_bootstrap(write(tmp_path, text, name), None, LoadOptions(**options))


def test_the_first_file_is_accepted():
    result = load_bootstrap(str(HELLO), None)
    assert result.ok, result.diagnostics
    assert result.bootstrap.static_resources.listeners[0].name == "listener_0"
    assert result.bootstrap.static_resources.clusters[0].connect_timeout.nanos == 250_000_000


def test_three_mistakes_are_three_errors_with_positions(tmp_path):
    result = load(tmp_path, THREE_MISTAKES)
    cluster = "static_resources.clusters"
    found = [(d.severity, d.line, d.column, d.path, d.hint) for d in result.diagnostics]
    assert found == [
        ("error", 4, 5, f"{cluster}[0].conect_timeout", "did you mean 'connect_timeout'?"),
        ("error", 5, 5, f"{cluster}[0].type", "did you mean 'STATIC'?"),
        (
            "error",
            11,
            68,
            f"{cluster}[1].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address"
            ".socket_address.port_value",
            "",
        ),
    ]
    assert not result.ok
    assert {d.file for d in result.diagnostics} == {str(tmp_path / "envoy.yaml")}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"node": {"id": "x"}}'),
        ("a.conf", "{node: {'id': 'x',},}"),
        ("a.yml", "node: {id: x}"),
        ("a.pb_text", 'node { id: "x" }'),
        ("a.pb", b"\n\x03\n\x01x"),
    ],
)
def test_the_extension_tells_the_format(tmp_path, name, text):
    result = load(tmp_path, text, name)
    assert result.ok, result.diagnostics
    assert result.bootstrap.node.id == "x"


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.yaml", "node:\n  id: [x\n", 3),
        ("a.yaml", "node: {id: *x}", 1),
        ("a.json", '{"node":\n {"id" 5}}', 2),
        ("a.json", "", 1),
        ("a.pb_text", "node {", 1),
        ("a.pb", b"\xff\xff", 0),
        ("a.yaml", "", 0),
        ("a.yaml", "[]", 1),
    ],
)
def test_text_that_is_not_well_formed_is_one_error(tmp_path, name, text, line):
    result = load(tmp_path, text, name)
    assert [(d.severity, d.line) for d in result.diagnostics] == [("error", line)]


def test_an_unreadable_file_is_an_error(tmp_path):
    result = load_bootstrap(str(tmp_path / "absent.yaml"), None)
    assert [d.message for d in result.diagnostics] == [
        f"cannot read {tmp_path}/absent.yaml: No such file or directory"
    ]
    assert not load(tmp_path, b"\xff\xfe\x00").ok


def test_nothing_to_load_is_an_error():
    assert [d.message for d in load_bootstrap(None, None).diagnostics] == [
        "there is no configuration"
    ]


def test_inline_text_is_merged_over_the_file(tmp_path):
    path = write(tmp_path, "node: {id: a, cluster: c}\nstatic_resources: {clusters: [{name: x}]}")
    result = load_bootstrap(path, "node: {id: b}\nstatic_resources: {clusters: [{name: z}]}")
    assert result.ok, result.diagnostics
    assert (result.bootstrap.node.id, result.bootstrap.node.cluster) == ("b", "c")
    assert [c.name for c in result.bootstrap.static_resources.clusters] == ["x", "z"]
    assert result.locate("static_resources.clusters[0]") == (path, 2, 31)
    assert result.locate("static_resources.clusters[1]") == ("--config-yaml", 2, 31)
    assert result.locate("node.id") == ("--config-yaml", 1, 8)


def test_unknown_fields_can_be_allowed(tmp_path):
    text = "node: {idd: x}\nstatic_resources: {clusters: [{name: x, type: NEW}]}"
    assert not load(tmp_path, text).ok
    result = load(tmp_path, text, allow_unknown_static_fields=True)
    assert result.ok
    assert [d.severity for d in result.diagnostics] == ["warning", "warning"]


def test_a_place_is_found_through_any_and_typed_struct(tmp_path):
    text = """\
static_resources:
  clusters:
  - name: a
    transportSocket:
      name: x
      typed_config:
        "@type": type.googleapis.com/xds.type.v3.TypedStruct
        type_url: type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer
        value:
          nothing: 5
"""
    path = "static_resources.clusters[0].transport_socket.typed_config.nothing"
    result = load(tmp_path, text)
    assert [(d.path, d.line, d.column) for d in result.diagnostics] == [(path, 10, 11)]
    assert result.locate(path)[1:] == (10, 11)
    assert result.locate("static_resources.clusters[0].lb_policy")[1:] == (3, 5)


def test_a_json_place_is_found(tmp_path):
    text = '{"node": {\n  "userAgentName": 5}}'
    result = load(tmp_path, text, "a.json")
    assert [(d.path, d.line, d.column) for d in result.diagnostics] == [
        ("node.user_agent_name", 2, 3)
    ]
