import pytest

from lateen.protos.worker_pb2 import DnsFamily
from lateen.proxy.compile.dns_cache import compile_dns_cache
from lateen.proxy.compile.stats_blocks import BlockKind
from tests.support.messages import context, errors, message, unsupported

_TYPE = "extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig"
_CARES = "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig"


def compiled(text, ctx=None):
    source = message(_TYPE, f"{{name: c, {text}}}")
    assert unsupported(source) == []
    return compile_dns_cache(ctx or context(), source, "p")


def test_the_defaults_are_those_of_envoy():
    cache = compiled("")
    assert (cache.dns.refresh_ms, cache.min_refresh_ms, cache.host_ttl_ms) == (60000, 5000, 300000)
    assert (cache.max_hosts, cache.max_pending_requests, cache.query_timeout_ms) == (
        1024,
        1024,
        5000,
    )
    # Without a rate for failures they are as far apart as good answers.
    assert cache.dns.failure_base_ms == 0
    assert cache.dns.family == DnsFamily.DNS_AUTO
    assert not cache.filtered


def test_what_it_says():
    cache = compiled(
        """dns_lookup_family: V4_PREFERRED, dns_refresh_rate: 2s, dns_min_refresh_rate: 1.5s,
        host_ttl: 3s, max_hosts: 2, disable_dns_refresh_on_failure: true, dns_query_timeout: 0s,
        dns_failure_refresh_rate: {base_interval: 1s},
        dns_cache_circuit_breaker: {max_pending_requests: 0},
        preresolve_hostnames: [{address: a.test, port_value: 443}],
        resolved_address_filter: {ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}],
        invert_match: true}"""
    )
    assert (cache.dns.refresh_ms, cache.min_refresh_ms, cache.host_ttl_ms) == (2000, 1500, 3000)
    assert (cache.dns.failure_base_ms, cache.dns.failure_max_ms) == (1000, 10000)
    assert (cache.max_hosts, cache.max_pending_requests, cache.query_timeout_ms) == (2, 0, 0)
    assert cache.no_refresh_on_failure
    assert [(name.host, name.port) for name in cache.preresolve] == [("a.test", 443)]
    assert [(each.address, each.prefix_len) for each in cache.filtered] == [("10.0.0.0", 8)]
    assert cache.filter_inverted
    assert cache.dns.family == DnsFamily.DNS_V4_PREFERRED


@pytest.mark.parametrize(
    "text",
    [
        f"typed_dns_resolver_config: {{name: c, typed_config: {{'@type': {_CARES}, resolvers:"
        " [{socket_address: {address: 10.0.0.1, port_value: 53}}],"
        " dns_resolver_options: {use_tcp_for_dns_lookups: true}}}",
        "dns_resolution_config: {resolvers:"
        " [{socket_address: {address: 10.0.0.1, port_value: 53}}],"
        " dns_resolver_options: {use_tcp_for_dns_lookups: true}}",
    ],
)
def test_who_is_asked(text):
    dns = compiled(text).dns
    assert [(server.host, server.port) for server in dns.resolvers] == [("10.0.0.1", 53)]
    assert dns.use_tcp


def test_what_does_not_say_asks_whom_clusters_ask():
    default = compiled("use_tcp_for_dns_lookups: true").dns
    assert compiled("", context(default_resolver=default)).dns.use_tcp


def test_one_name_is_one_cache():
    ctx = context()
    number = compiled("max_hosts: 5", ctx).stats_block
    assert compiled("max_hosts: 5", ctx).stats_block == number
    assert ctx.blocks[number].kind is BlockKind.DNS_CACHE
    assert ctx.blocks[number].prefix == "dns_cache.c"
    assert errors(ctx) == []
    compiled("max_hosts: 6", ctx)
    assert errors(ctx) == ["p: config specified DNS cache 'c' with different settings"]


def test_a_name_that_nobody_uses_any_more_is_free():
    ctx = context()
    number = compiled("max_hosts: 5", ctx).stats_block
    ctx.blocks.release([number])
    assert compiled("max_hosts: 6", ctx).stats_block != number
    assert errors(ctx) == []


def test_more_names_ahead_than_there_may_be():
    ctx = context()
    names = "[{address: a, port_value: 1}, {address: b, port_value: 1}]"
    compiled(f"max_hosts: 1, preresolve_hostnames: {names}", ctx)
    (error,) = errors(ctx)
    assert error.endswith("preresolve_hostnames=2 larger than max_hosts=1")


def test_names_are_not_kept_in_files():
    source = message(_TYPE, "{name: c, key_value_config: {}}")
    (error,) = unsupported(source)
    assert "key_value_config is not implemented" in error
