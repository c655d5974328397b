from lateen.proxy.compile.listener_filters.tls_inspector import compile_tls_inspector
from tests.support.messages import context, errors, message, unsupported

_TYPE = "extensions.filters.listener.tls_inspector.v3.TlsInspector"


def compiled(text, ctx=None):
    source = message(_TYPE, text)
    assert unsupported(source) == []
    return compile_tls_inspector(ctx or context(), source, "p").tls_inspector


def test_defaults():
    ctx = context()
    inspector = compiled("{}", ctx)
    assert inspector.max_client_hello_bytes == 16_384
    assert not inspector.ja3
    assert not inspector.ja4
    assert not inspector.close_on_error
    assert ctx.blocks[inspector.stats_block].prefix == "tls_inspector"


def test_options():
    inspector = compiled(
        """
        enable_ja3_fingerprinting: true
        enable_ja4_fingerprinting: true
        close_connection_on_client_hello_parsing_errors: true
        max_client_hello_size: 300
        """
    )
    assert inspector.ja3
    assert inspector.ja4
    assert inspector.close_on_error
    assert inspector.max_client_hello_bytes == 300


def test_a_hello_that_is_too_long_for_tls():
    ctx = context()
    compiled("{max_client_hello_size: 16385}", ctx)
    assert errors(ctx) == [
        "p.max_client_hello_size: max_client_hello_size of 16385 is greater than maximum of 16384."
    ]
