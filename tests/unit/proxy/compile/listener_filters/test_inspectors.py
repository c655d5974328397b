"""http_inspector and original_dst, which have no options."""

from lateen.proxy.compile.listener_filters.http_inspector import compile_http_inspector
from lateen.proxy.compile.listener_filters.original_dst import compile_original_dst
from tests.support.messages import context, message, unsupported


def test_http_inspector_counts():
    ctx = context()
    source = message("extensions.filters.listener.http_inspector.v3.HttpInspector", "{}")
    assert unsupported(source) == []
    compiled = compile_http_inspector(ctx, source, "p")
    assert ctx.blocks[compiled.http_inspector.stats_block].prefix == "http_inspector"


def test_original_dst():
    source = message("extensions.filters.listener.original_dst.v3.OriginalDst", "{}")
    assert unsupported(source) == []
    assert compile_original_dst(context(), source, "p").HasField("original_dst")
