"""The network filters with few options, in one file: echo to set_filter_state."""

import pytest

from lateen.protos.worker_pb2 import FilterStateValue
from lateen.proxy.compile.network_filters.connection_limit import compile_connection_limit
from lateen.proxy.compile.network_filters.direct_response import compile_direct_response
from lateen.proxy.compile.network_filters.echo import compile_echo
from lateen.proxy.compile.network_filters.local_ratelimit import compile_local_ratelimit
from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.network_filters.rbac import compile_rbac
from lateen.proxy.compile.network_filters.set_filter_state import compile_set_filter_state
from lateen.proxy.compile.network_filters.sni_cluster import compile_sni_cluster
from lateen.proxy.compile.network_filters.sni_dynamic_forward_proxy import (
    compile_sni_dynamic_forward_proxy,
)
from tests.support.messages import context, errors, message, unsupported

_NETWORK = "extensions.filters.network"


def run(compile_filter, name, text, ctx=None):
    source = message(f"{_NETWORK}.{name}", text)
    assert unsupported(source) == []
    return compile_filter(ctx or context(), source, FilterOwner("t", "a"), "p")


def test_filters_without_options():
    assert run(compile_echo, "echo.v3.Echo", "{}").HasField("echo")
    assert run(compile_sni_cluster, "sni_cluster.v3.SniCluster", "{}").HasField("sni_cluster")


def test_sni_dynamic_forward_proxy():
    text = "{dns_cache_config: {name: d}, port_value: 443}"
    name = "sni_dynamic_forward_proxy.v3.FilterConfig"
    proxy = run(compile_sni_dynamic_forward_proxy, name, text).sni_dynamic_forward_proxy
    assert (proxy.cache.name, proxy.port) == ("d", 443)


def test_direct_response():
    text = "{response: {inline_string: bye}}"
    compiled = run(compile_direct_response, "direct_response.v3.Config", text)
    assert compiled.direct_response.body == b"bye"


def test_connection_limit():
    ctx = context()
    text = "{stat_prefix: s, max_connections: 7, delay: 0.25s}"
    compiled = run(compile_connection_limit, "connection_limit.v3.ConnectionLimit", text, ctx)
    limit = compiled.connection_limit
    assert (limit.max_connections, limit.delay_ms) == (7, 250)
    assert ctx.blocks[limit.stats_block].prefix == "connection_limit.s"


def test_local_ratelimit():
    text = "{stat_prefix: s, token_bucket: {max_tokens: 3, fill_interval: 1s}, share_key: k}"
    compiled = run(compile_local_ratelimit, "local_ratelimit.v3.LocalRateLimit", text)
    limit = compiled.local_ratelimit
    assert (limit.bucket.max_tokens, limit.share_key) == (3, "k")
    assert not limit.HasField("enabled")


@pytest.mark.parametrize(
    ("shadow", "block"), [("", "s.rbac"), ("sh_", "s.rbac.sh_"), ("sh.", "s.rbac.sh")]
)
def test_rbac_counts_shadow_rules_apart(shadow, block):
    ctx = context()
    text = f"{{stat_prefix: s., rules: {{}}, shadow_rules_stat_prefix: '{shadow}'}}"
    rbac = run(compile_rbac, "rbac.v3.RBAC", text, ctx).rbac
    assert ctx.blocks[rbac.stats_block].prefix == "s.rbac"
    assert ctx.blocks[rbac.shadow_stats_block].prefix == block
    assert rbac.HasField("rules")
    assert not rbac.HasField("shadow_rules")


def test_rbac_enforcement():
    text = "{stat_prefix: s, enforcement_type: CONTINUOUS, delay_deny: 2s}"
    rbac = run(compile_rbac, "rbac.v3.RBAC", text).rbac
    assert rbac.continuous
    assert rbac.delay_deny_ms == 2000
    assert not rbac.HasField("rules")


def test_set_filter_state():
    ctx = context()
    value = "{object_key: %s, format_string: {text_format_source: {inline_string: '%%PROTOCOL%%'}}}"
    text = f"{{on_new_connection: [{value % 'envoy.tcp_proxy.cluster'}]}}"
    compiled = run(compile_set_filter_state, "set_filter_state.v3.Config", text, ctx)
    (found,) = compiled.set_filter_state.on_new_connection
    assert found.key == "envoy.tcp_proxy.cluster"
    assert found.value.pieces[0].command.name == "PROTOCOL"
    run(
        compile_set_filter_state,
        "set_filter_state.v3.Config",
        f"{{on_new_connection: [{value % 'nobody'}]}}",
        ctx,
    )
    assert errors(ctx) == [
        "p.on_new_connection[0].object_key: 'nobody' does not have an object factory"
    ]


@pytest.mark.parametrize("sharing", ["NONE", "ONCE", "TRANSITIVE"])
def test_how_far_filter_state_goes(sharing):
    text = (
        "{on_new_connection: [{object_key: k, factory_key: envoy.string,"
        f" shared_with_upstream: {sharing},"
        " format_string: {text_format_source: {inline_string: x}}}]}"
    )
    compiled = run(compile_set_filter_state, "set_filter_state.v3.Config", text)
    (found,) = compiled.set_filter_state.on_new_connection
    assert found.sharing == FilterStateValue.Sharing.Value(sharing)
