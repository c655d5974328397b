from lateen.proxy.compile.listener_filters.proxy_protocol import compile_proxy_protocol
from tests.support.messages import context, message, unsupported

_TYPE = "extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"


def compiled(text, ctx=None):
    source = message(_TYPE, text)
    assert unsupported(source) == []
    return compile_proxy_protocol(ctx or context(), source, "p").proxy_protocol


def test_defaults_are_strict():
    ctx = context()
    proxy = compiled("{}", ctx)
    assert not proxy.allow_without
    assert not proxy.refuse_v1
    assert not proxy.refuse_v2
    assert ctx.blocks[proxy.stats_block].prefix == "proxy_proto"


def test_options():
    ctx = context()
    proxy = compiled(
        """
        stat_prefix: edge
        allow_requests_without_proxy_protocol: true
        disallowed_versions: [V1]
        tlv_location: FILTER_STATE
        pass_through_tlvs: {match_type: INCLUDE, tlv_type: [2, 234]}
        rules:
        - {tlv_type: 2, on_tlv_present: {key: authority}}
        - tlv_type: 234
          on_tlv_present: {metadata_namespace: ns, key: k, value_string_encoding: BASE64}
        """,
        ctx,
    )
    assert proxy.allow_without
    assert proxy.refuse_v1
    assert not proxy.refuse_v2
    assert proxy.tlvs_in_filter_state
    assert list(proxy.pass_through.types) == [2, 234]
    rules = [(rule.type, rule.namespace, rule.key, rule.base64) for rule in proxy.rules]
    assert rules == [(2, "", "authority", False), (234, "ns", "k", True)]
    assert ctx.blocks[proxy.stats_block].prefix == "proxy_proto.edge"


def test_all_tlvs_pass():
    assert compiled("{pass_through_tlvs: {match_type: INCLUDE_ALL}}").pass_through.all
