import pytest

from lateen.proxy.compile.address import address_text, compile_address, compile_cidrs, is_ip
from tests.support.messages import context, errors, message, unsupported


def compiled(text, **options):
    ctx = context()
    return compile_address(ctx, message("config.core.v3.Address", text), "a", **options), ctx


@pytest.mark.parametrize("host", ["127.0.0.1", "::", "::1", "fe80::1%eth0", "::ffff:1.2.3.4"])
def test_ip_addresses(host):
    assert is_ip(host)


@pytest.mark.parametrize("host", ["", "a", "127.1", "127.0.0.256", "1.2.3.4:5", ":::"])
def test_what_is_no_ip_address(host):
    assert not is_ip(host)


def test_a_socket_address():
    address, ctx = compiled("socket_address: {address: '::1', port_value: 80}")
    assert (address.socket.host, address.socket.port) == ("::1", 80)
    assert address_text(address) == "[::1]:80"
    assert errors(ctx) == []


def test_a_name_is_an_address_only_where_dns_resolves_it():
    text = "socket_address: {address: web, port_value: 80}"
    address, ctx = compiled(text, host_names=True)
    assert (address.socket.host, errors(ctx)) == ("web", [])
    _, ctx = compiled(text)
    assert errors(ctx) == [
        "a.socket_address.address: malformed IP address: web. Consider setting resolver_name or"
        " setting cluster type to 'STRICT_DNS' or 'LOGICAL_DNS'"
    ]


def test_a_pipe_and_its_mode():
    address, ctx = compiled("pipe: {path: /tmp/x.sock, mode: 432}")
    assert (address.pipe, address.pipe_mode) == ("/tmp/x.sock", 0o660)
    assert address_text(address) == "/tmp/x.sock"
    assert errors(ctx) == []


def test_what_a_pipe_may_not_be():
    _, ctx = compiled({"pipe": {"path": "/" + "x" * 107}})
    assert "exceeds maximum UNIX domain socket path size of 108." in errors(ctx)[0]
    _, ctx = compiled("pipe: {path: '@x', mode: 432}")
    assert errors(ctx) == ["a.pipe.mode: Cannot set mode for Abstract AF_UNIX sockets"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "{address: 127.0.0.1, port_value: 1, protocol: UDP}",
            "a.socket_address.protocol: protocol UDP is not implemented",
        ),
        (
            "{address: 127.0.0.1, port_value: 1, resolver_name: x}",
            "a.socket_address.resolver_name: Unknown address resolver: x",
        ),
    ],
)
def test_what_a_socket_address_may_not_be(text, error):
    _, ctx = compiled(f"socket_address: {text}")
    assert errors(ctx) == [error]


def test_an_internal_address():
    text = "envoy_internal_address: {server_listener_name: x, endpoint_id: one}"
    address, ctx = compiled(text, internal=True)
    assert (address.internal.listener, address.internal.endpoint_id) == ("x", "one")
    assert address_text(address) == "envoy://x/one"
    assert errors(ctx) == []
    _, ctx = compiled(text)
    assert errors(ctx) == [
        "a.envoy_internal_address: an internal address is for endpoints of clusters"
    ]


def test_named_ports_are_reported():
    named = message("config.core.v3.SocketAddress", "{address: a, named_port: http}")
    assert unsupported(named) == ["error x.named_port: named_port is not implemented"]


def test_cidr_ranges():
    ctx = context()
    ranges = message(
        "config.listener.v3.FilterChainMatch",
        """
        prefix_ranges:
        - {address_prefix: 10.0.0.0, prefix_len: 8}
        - {address_prefix: 10.0.0.0, prefix_len: 40}
        - {address_prefix: nope, prefix_len: 8}
        - {address_prefix: '::1'}
        """,
    ).prefix_ranges
    compiled = compile_cidrs(ctx, ranges, "r")
    assert [(c.address, c.prefix_len) for c in compiled] == [
        ("10.0.0.0", 8),
        ("10.0.0.0", 32),
        ("::1", 0),
    ]
    assert errors(ctx) == ["r[2].address_prefix: malformed IP address: nope"]
