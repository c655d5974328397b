from lateen.protos.worker_pb2 import FilterOverride
from lateen.proxy.compile.http_filters.buffer import compile_buffer, compile_buffer_override
from tests.support.messages import OWNER, context, message

_PACKAGE = "extensions.filters.http.buffer.v3"


def overridden(text):
    out = FilterOverride(filter="f")
    compile_buffer_override(context(), message(f"{_PACKAGE}.BufferPerRoute", text), out, "o")
    assert out.WhichOneof("kind") == "buffer"
    return out.buffer


def test_the_limit():
    source = message(f"{_PACKAGE}.Buffer", "max_request_bytes: 7")
    assert compile_buffer(context(), source, OWNER, "f").buffer.max_request_bytes == 7


def test_a_route_has_another_limit_or_none():
    assert overridden("buffer: {max_request_bytes: 9}").max_request_bytes == 9
    assert not overridden("disabled: true").HasField("max_request_bytes")
