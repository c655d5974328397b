from lateen.proxy.compile.listener_filter import compile_listener_filters
from tests.support.messages import context, errors, message, unsupported

_TLS = "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"


def compiled(text, ctx):
    source = message("config.listener.v3.Listener", f"{{listener_filters: [{text}]}}")
    return compile_listener_filters(ctx, source.listener_filters, "p")


def test_filters_keep_their_order_and_names():
    ctx = context()
    typed = f'{{name: first, typed_config: {{"@type": {_TLS}}}}}'
    named = "{name: envoy.filters.listener.original_dst}"
    filters = compiled(f"{typed}, {named}", ctx)
    assert [one.name for one in filters] == ["first", "envoy.filters.listener.original_dst"]
    assert filters[0].HasField("tls_inspector")
    assert filters[1].HasField("original_dst")
    assert errors(ctx) == []


def test_predicates():
    rule = "{or_match: {rules: [{not_match: {any_match: true}}, {and_match: {rules: [%s, %s]}}]}}"
    ports = "{destination_port_range: {start: 80, end: 81}}"
    text = rule % (ports, "{any_match: true}")
    filters = compiled(
        f'{{name: x, typed_config: {{"@type": {_TLS}}}, filter_disabled: {text}}}', context()
    )
    first, second = getattr(filters[0].disabled, "or").predicates
    assert getattr(first, "not").any
    ports_of = getattr(second, "and").predicates[0].destination_port
    assert (ports_of.start, ports_of.end) == (80, 81)


def test_a_filter_that_is_not_known():
    ctx = context()
    compiled("{name: envoy.filters.listener.nobody}", ctx)
    assert "listener filter envoy.filters.listener.nobody" in errors(ctx)[0]


def test_discovered_filters_are_refused():
    source = message(
        "config.listener.v3.ListenerFilter", "{name: a, config_discovery: {type_urls: [x.y]}}"
    )
    assert any("config_discovery" in str(one) for one in unsupported(source))
