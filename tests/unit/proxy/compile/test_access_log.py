import pytest

from lateen.protos.worker_pb2 import AccessLog, AccessLogFilter, RuntimeUint32
from lateen.proxy.compile.access_log import compile_access_log, compile_access_logs
from lateen.proxy.compile.access_log_filter import compile_access_log_filter
from tests.support.messages import context, errors, message, unsupported

_LOGGERS = "type.googleapis.com/envoy.extensions.access_loggers"


def log(config, ctx=None, kind="file.v3.FileAccessLog", **given):
    typed = {"@type": f"{_LOGGERS}.{kind}", **config}
    source = message("config.accesslog.v3.AccessLog", {"name": "n", "typed_config": typed, **given})
    assert unsupported(source) == []
    return compile_access_log(ctx or context(), source, "l")


def test_a_file_with_the_default_format():
    found = log({"path": "/x"})
    assert (found.name, found.sink, found.path) == ("n", AccessLog.FILE, "/x")
    assert found.text.pieces[0].literal == "["
    assert found.text.pieces[-1].literal == '"\n'
    assert len([p for p in found.text.pieces if p.WhichOneof("kind") == "command"]) == 15


@pytest.mark.parametrize(
    ("kind", "sink"),
    [
        ("stream.v3.StdoutAccessLog", AccessLog.STDOUT),
        ("stream.v3.StderrAccessLog", AccessLog.STDERR),
    ],
)
def test_standard_streams(kind, sink):
    found = log({}, kind=kind)
    assert found.sink == sink
    assert found.text.pieces[0].literal == "["


@pytest.mark.parametrize(
    "config",
    [
        {"format": "a%PROTOCOL%"},
        {"log_format": {"text_format": "a%PROTOCOL%"}},
        {"log_format": {"text_format_source": {"inline_string": "a%PROTOCOL%"}}},
        {"log_format": {"text_format_source": {"filename": "/format"}}},
    ],
)
def test_text_formats(config):
    ctx = context(files={"/format": b"a%PROTOCOL%"})
    pieces = log({"path": "/x", **config}, ctx).text.pieces
    assert pieces[0].literal == "a"
    assert pieces[1].command.name == "PROTOCOL"
    assert errors(ctx) == []


@pytest.mark.parametrize(
    "config",
    [
        {"json_format": {"b": "%DURATION%", "a": 1}},
        {"typed_json_format": {"b": "%DURATION%", "a": 1}},
        {"log_format": {"json_format": {"b": "%DURATION%", "a": 1}}},
    ],
)
def test_json_formats(config):
    members = log({"path": "/x", **config}).json.object.members
    assert [m.name for m in members] == ["a", "b"]
    assert members[0].value.raw == "1"
    assert members[1].value.format.pieces[0].command.name == "DURATION"


def test_empty_values_can_be_left_out():
    config = {"text_format_source": {"inline_string": "%REQ(a)%"}, "omit_empty_values": True}
    assert log({"path": "/x", "log_format": config}).text.omit_empty


def test_a_formatter_adds_its_command():
    def found(formatters):
        ctx = context()
        source = {"inline_string": "%REQ_WITHOUT_QUERY(:path)%"}
        log({"path": "/x", "log_format": {"text_format_source": source, **formatters}}, ctx)
        return errors(ctx)

    kind = "type.googleapis.com/envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery"
    assert found({"formatters": [{"name": "f", "typed_config": {"@type": kind}}]}) == []
    assert found({}) == [
        "l.typed_config.log_format.text_format_source: Not supported field in StreamInfo:"
        " REQ_WITHOUT_QUERY"
    ]


def test_a_logger_that_is_not_implemented_is_left_out_and_reported():
    source = message(
        "config.accesslog.v3.AccessLog",
        {"name": "grpc", "typed_config": {"@type": f"{_LOGGERS}.wasm.v3.WasmAccessLog"}},
    )
    assert compile_access_logs(context(), [source], "l") == []
    (report,) = unsupported(source)
    assert report.startswith("error x.typed_config:")


def compiled_filter(text):
    source = message("config.accesslog.v3.AccessLogFilter", text)
    assert unsupported(source) == []
    return compile_access_log_filter(context(), source, "f")


def test_comparisons():
    text = "comparison: {op: GE, value: {default_value: 500, runtime_key: k}}"
    expected = AccessLogFilter.Comparison(
        op="GE", value=RuntimeUint32(default_value=500, runtime_key="k")
    )
    assert compiled_filter(f"status_code_filter: {{{text}}}").status_code == expected
    assert compiled_filter(f"duration_filter: {{{text}}}").duration_ms == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("not_health_check_filter: {}", "not_health_check"),
        ("traceable_filter: {}", "traceable"),
        ("response_flag_filter: {}", "response_flags"),
        ("grpc_status_filter: {}", "grpc_status"),
        ("log_type_filter: {}", "log_type"),
    ],
)
def test_filters_that_need_no_value(text, kind):
    assert compiled_filter(text).WhichOneof("kind") == kind


def test_sets_of_values():
    assert list(
        compiled_filter("response_flag_filter: {flags: [UH, UF]}").response_flags.flags
    ) == ["UH", "UF"]
    grpc = compiled_filter("grpc_status_filter: {statuses: [NOT_FOUND], exclude: true}").grpc_status
    assert (list(grpc.statuses), grpc.exclude) == ([5], True)
    types = compiled_filter("log_type_filter: {types: [DownstreamEnd]}").log_type
    assert (list(types.types), types.exclude) == (["DownstreamEnd"], False)


def test_filters_in_filters():
    text = "{filters: [{not_health_check_filter: {}}, {header_filter: {header: {name: A}}}]}"
    for name in ("and", "or"):
        inner = getattr(compiled_filter(f"{name}_filter: {text}"), name).filters
        assert [f.WhichOneof("kind") for f in inner] == ["not_health_check", "header"]
        assert inner[1].header.name == "a"


def test_a_runtime_filter():
    runtime = compiled_filter(
        """
        runtime_filter:
          runtime_key: k
          percent_sampled: {numerator: 3, denominator: MILLION}
          use_independent_randomness: true
        """
    ).runtime
    assert (runtime.fraction.runtime_key, runtime.fraction.numerator) == ("k", 3)
    assert runtime.fraction.denominator == 1_000_000
    assert runtime.independent_randomness


@pytest.mark.parametrize(
    ("value", "json"),
    [
        ("bool_match: true", "true"),
        ("null_match: {}", "null"),
        ("double_match: {exact: 1.0}", "1"),
        ("double_match: {exact: 1.5}", "1.5"),
    ],
)
def test_a_metadata_filter_compares_values(value, json):
    metadata = compiled_filter(
        f"metadata_filter: {{matcher: {{filter: f, path: [{{key: a}}], value: {{{value}}}}}}}"
    ).metadata
    assert (metadata.filter, list(metadata.path)) == ("f", ["a"])
    assert metadata.value_json == json
    assert metadata.match_if_key_not_found


def test_a_metadata_filter_matches_text():
    metadata = compiled_filter(
        """
        metadata_filter:
          matcher: {filter: f, path: [{key: a}], value: {string_match: {prefix: x}}, invert: true}
          match_if_key_not_found: false
        """
    ).metadata
    assert metadata.string.prefix == "x"
    assert metadata.invert
    assert not metadata.match_if_key_not_found


def test_a_filter_by_an_expression():
    name = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    config = f'{{"@type": {name}, expression: "response.code > 400"}}'
    compiled = compiled_filter(f"extension_filter: {{name: c, typed_config: {config}}}")
    kinds = [node.WhichOneof("kind") for node in compiled.expression.nodes]
    assert kinds == ["name", "select", "integer", "call"]
