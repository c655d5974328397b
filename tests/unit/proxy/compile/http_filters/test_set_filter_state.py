from lateen.protos.worker_pb2 import FilterOverride
from lateen.proxy.compile.http_filters.set_filter_state import (
    compile_set_filter_state,
    compile_set_filter_state_override,
)
from tests.support.messages import OWNER, context, errors, message

_TYPE = "extensions.filters.http.set_filter_state.v3.Config"
VALUE = (
    "{object_key: k, factory_key: %s, format_string: {text_format_source: {inline_string: a}},"
    " skip_if_empty: true}"
)


def test_values():
    ctx = context()
    text = f"on_request_headers: [{VALUE % 'envoy.string'}]\nclear_route_cache: true"
    compiled = compile_set_filter_state(ctx, message(_TYPE, text), OWNER, "f").set_filter_state
    (value,) = compiled.on_request_headers
    assert (value.key, value.value.pieces[0].literal, value.skip_if_empty) == ("k", "a", True)
    assert compiled.clear_route_cache
    assert errors(ctx) == []


def test_state_of_a_request_is_not_shared():
    ctx = context()
    value = VALUE.replace("skip_if_empty: true", "shared_with_upstream: ONCE") % "envoy.string"
    source = message(_TYPE, f"on_request_headers: [{value}]")
    compile_set_filter_state(ctx, source, OWNER, "f")
    (error,) = errors(ctx)
    assert error.startswith("f.on_request_headers[0].shared_with_upstream: ")


def test_an_unknown_factory_is_an_error():
    ctx = context()
    out = FilterOverride(filter="f")
    source = message(_TYPE, f"on_request_headers: [{VALUE % 'other'}]")
    compile_set_filter_state_override(ctx, source, out, "o")
    (error,) = errors(ctx)
    assert error.startswith("o.on_request_headers[0].factory_key: 'other' does not have an object")
