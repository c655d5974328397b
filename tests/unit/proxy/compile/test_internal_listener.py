import pytest

from lateen.proxy.compile.internal_listener import internal_buffer_bytes
from lateen.proxy.compile.listener import compile_listener
from tests.support.messages import context, errors, message

ECHO = "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo"
EXTENSION = "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener"
ADDRESS = {"socket_address": {"address": "127.0.0.1", "port_value": 80}}
INTERNAL = {"envoy_internal_address": {"server_listener_name": "i"}}


def compiled(ctx, **given):
    chain = {"filters": [{"name": "echo", "typed_config": {"@type": ECHO}}]}
    full = {"name": "i", "filter_chains": [chain], **given}
    return compile_listener(ctx, message("config.listener.v3.Listener", full), "l").listener


def extensions(*configs):
    return message(
        "config.bootstrap.v3.Bootstrap",
        {
            "bootstrap_extensions": [
                {"name": "internal", "typed_config": {"@type": EXTENSION, **config}}
                for config in configs
            ]
        },
    ).bootstrap_extensions


@pytest.mark.parametrize(
    ("configs", "size"),
    [((), None), (({},), 1 << 20), (({"buffer_size_kb": 3},), 3072)],
)
def test_the_buffer_size_comes_from_the_bootstrap(configs, size):
    assert internal_buffer_bytes(context(), extensions(*configs)) == size


def test_an_internal_listener():
    ctx = context(internal_buffer_bytes=512, max_connections=7)
    listener = compiled(ctx, internal_listener={}, bind_to_port=False)
    (address,) = listener.addresses
    assert (address.internal.listener, address.internal.endpoint_id) == ("i", "")
    assert listener.internal_buffer_bytes == 512
    assert listener.bind_to_port
    assert listener.max_global_connections == 0
    assert ctx.blocks[listener.stats_block].prefix == "listener.envoy_internal_i"
    assert errors(ctx) == []


def test_it_needs_the_bootstrap_extension():
    ctx = context()
    compiled(ctx, internal_listener={})
    assert errors(ctx) == [
        "l.internal_listener: error adding listener named 'i': InternalListener bootstrap"
        " extension is mandatory"
    ]


@pytest.mark.parametrize("more", [{"address": ADDRESS}, {"address": INTERNAL}])
def test_it_has_no_address(more):
    ctx = context(internal_buffer_bytes=1)
    compiled(ctx, internal_listener={}, **more)
    assert errors(ctx) == [
        "l.address: error adding listener 'i': address should not be used when an internal"
        " listener config is provided"
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("connection_balance_config", {"exact_balance": {}}),
        ("enable_reuse_port", True),
        ("freebind", True),
        ("tcp_backlog_size", 1),
        ("tcp_fast_open_queue_length", 1),
        ("transparent", True),
    ],
)
def test_it_has_nothing_of_a_socket(field, value):
    ctx = context(internal_buffer_bytes=1)
    compiled(ctx, internal_listener={}, **{"freebind": False, field: value})
    assert errors(ctx) == [
        f"l.{field}: error adding listener named 'i': has unsupported tcp listener feature"
    ]


def test_it_has_no_socket_options():
    ctx = context(internal_buffer_bytes=1)
    compiled(ctx, internal_listener={}, socket_options=[{"level": 1, "name": 1, "int_value": 1}])
    assert errors(ctx) == [
        "l.socket_options: error adding listener named 'i': does not support socket option"
    ]


@pytest.mark.parametrize(
    "given",
    [{"address": INTERNAL}, {"address": ADDRESS, "additional_addresses": [{"address": INTERNAL}]}],
)
def test_an_internal_address_makes_no_internal_listener(given):
    ctx = context(internal_buffer_bytes=1)
    compiled(ctx, **given)
    assert errors(ctx) == [
        "l: error adding listener named 'i': use internal_listener field instead of address for"
        " internal listeners"
    ]
