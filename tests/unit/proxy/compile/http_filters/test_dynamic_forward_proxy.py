from lateen.protos.worker_pb2 import FilterOverride
from lateen.proxy.compile.http_filters.dynamic_forward_proxy import (
    compile_dynamic_forward_proxy,
    compile_dynamic_forward_proxy_override,
)
from tests.support.messages import OWNER, context, errors, message, unsupported

_PACKAGE = "extensions.filters.http.dynamic_forward_proxy.v3"


def test_the_filter_has_a_cache():
    ctx = context()
    text = "{dns_cache_config: {name: d}, allow_dynamic_host_from_filter_state: true}"
    source = message(f"{_PACKAGE}.FilterConfig", text)
    compiled = compile_dynamic_forward_proxy(ctx, source, OWNER, "p").dynamic_forward_proxy
    assert errors(ctx) == []
    assert compiled.cache.name == "d"
    assert compiled.use_filter_state


def test_the_address_is_saved_for_nobody():
    source = message(f"{_PACKAGE}.FilterConfig", "{save_upstream_address: true}")
    (warning,) = unsupported(source)
    assert warning.startswith("warning x.save_upstream_address")


def test_a_route_names_the_host():
    out = FilterOverride(filter="f")
    source = message(f"{_PACKAGE}.PerRouteConfig", "{host_rewrite_literal: a.test}")
    compile_dynamic_forward_proxy_override(context(), source, out, "p")
    assert out.dynamic_forward_proxy.literal == "a.test"
    source = message(f"{_PACKAGE}.PerRouteConfig", "{host_rewrite_header: x-to}")
    compile_dynamic_forward_proxy_override(context(), source, out, "p")
    assert (out.dynamic_forward_proxy.literal, out.dynamic_forward_proxy.header) == ("", "x-to")
