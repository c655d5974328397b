import pytest

from lateen.proxy.compile.listener import compile_listener
from tests.support.messages import ROUTER, context, errors, message, unsupported

_HCM = (
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
    ".HttpConnectionManager"
)


def manager(**given):
    config = {
        "@type": _HCM,
        "stat_prefix": "in",
        "route_config": {"name": "r"},
        "http_filters": [ROUTER],
        **given,
    }
    return {"name": "hcm", "typed_config": config}


def chain(**given):
    return {"filters": [manager()], **given}


def source_of(**given):
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 80}}
    full = {"name": "l", "address": address, "filter_chains": [chain()], **given}
    return message("config.listener.v3.Listener", full)


def compiled(ctx=None, **given):
    return compile_listener(ctx or context(), source_of(**given), "l")


def test_defaults():
    ctx = context()
    listener = compiled(ctx).listener
    assert listener.name == "l"
    assert listener.reuse_port
    assert listener.bind_to_port
    assert listener.backlog == 65_535
    assert listener.per_connection_buffer_limit_bytes == 1 << 20
    assert not listener.HasField("tcp_fast_open_queue_length")
    assert not listener.drain_on_modify_only
    assert not listener.HasField("freebind")
    assert not listener.HasField("transparent")
    assert listener.max_connections == 0
    assert ctx.blocks[listener.stats_block].prefix == "listener.127.0.0.1_80"
    assert errors(ctx) == []


def test_a_listener_without_a_name_is_called_by_its_address():
    assert compiled(name="").listener.name == "127.0.0.1:80"


def test_what_can_be_said_of_its_sockets():
    listener = compiled(
        enable_reuse_port=False,
        bind_to_port=False,
        freebind=True,
        transparent=False,
        tcp_backlog_size=5,
        tcp_fast_open_queue_length=6,
        per_connection_buffer_limit_bytes=7,
        drain_type="MODIFY_ONLY",
        max_connections_to_accept_per_socket_event=8,
        traffic_direction="OUTBOUND",
        additional_addresses=[
            {"address": {"socket_address": {"address": "::1", "port_value": 81}}}
        ],
        socket_options=[
            {"level": 1, "name": 2, "int_value": 3, "state": "STATE_LISTENING"},
            {"level": 1, "name": 2, "buf_value": "YQ==", "type": {"stream": {}}},
            {"level": 1, "name": 2, "int_value": 3, "type": {"datagram": {}}},
        ],
        tcp_keepalive={"keepalive_time": 9},
    ).listener
    assert not listener.reuse_port
    assert not listener.bind_to_port
    assert listener.freebind
    assert listener.HasField("transparent")
    assert not listener.transparent
    assert (listener.backlog, listener.tcp_fast_open_queue_length) == (5, 6)
    assert listener.per_connection_buffer_limit_bytes == 7
    assert listener.drain_on_modify_only
    assert listener.max_connections_to_accept_per_socket_event == 8
    assert listener.traffic_direction == 2
    assert [a.socket.host for a in listener.addresses] == ["127.0.0.1", "::1"]
    assert [
        (o.level, o.name, o.int_value, o.buf_value, o.state) for o in listener.socket_options
    ] == [
        (1, 2, 3, b"", 2),
        (1, 2, 0, b"a", 0),
        (1, 9, 1, b"", 0),
        (6, 4, 9, b"", 0),
    ]


def test_a_connection_limit_comes_from_the_runtime():
    ctx = context(runtime={"envoy.resource_limits.listener.l.connection_limit": "12"})
    assert compiled(ctx).listener.max_connections == 12


def test_routes_that_are_the_same_are_one_table():
    result = compiled(
        filter_chains=[
            chain(filter_chain_match={"destination_port": 1}),
            chain(filter_chain_match={"destination_port": 2}),
        ],
        default_filter_chain={"filters": [manager(route_config={"name": "other"})]},
    )
    first, second = (table.name for table in result.route_tables)
    assert first != second
    chains = [*result.listener.filter_chains, result.listener.default_filter_chain]
    tables = [c.filters[0].http_connection_manager.route_table for c in chains]
    assert tables == [first, first, second]


def test_a_listener_needs_a_chain():
    ctx = context()
    compiled(ctx, filter_chains=[])
    assert errors(ctx) == ["l: error adding listener '127.0.0.1:80': no filter chains specified"]


def test_filter_chain_matches():
    match = {
        "destination_port": 443,
        "server_names": ["A.test", "*.B"],
        "transport_protocol": "raw_buffer",
        "application_protocols": ["h2"],
        "source_type": "EXTERNAL",
        "source_ports": [5],
        "prefix_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}],
        "source_prefix_ranges": [{"address_prefix": "::", "prefix_len": 0}],
        "direct_source_prefix_ranges": [{"address_prefix": "10.1.0.0", "prefix_len": 16}],
    }
    found = compiled(filter_chains=[chain(name="x", filter_chain_match=match)]).listener
    compiled_match = found.filter_chains[0].match
    assert found.filter_chains[0].name == "x"
    assert compiled_match.destination_port == 443
    assert list(compiled_match.server_names) == ["a.test", "*.b"]
    assert compiled_match.transport_protocol == "raw_buffer"
    assert list(compiled_match.application_protocols) == ["h2"]
    assert compiled_match.source_type == 2
    assert list(compiled_match.source_ports) == [5]
    assert compiled_match.prefix_ranges[0].prefix_len == 8
    assert compiled_match.source_prefix_ranges[0].address == "::"
    assert compiled_match.direct_source_prefix_ranges[0].prefix_len == 16


@pytest.mark.parametrize("name", ["*", "a.*.b", "w*.test"])
def test_partial_wildcards_in_server_names_are_errors(name):
    ctx = context()
    compiled(ctx, filter_chains=[chain(filter_chain_match={"server_names": [name]})])
    assert 'partial wildcards are not supported in "server_names"' in errors(ctx)[0]


def cidr(address, length):
    return {"prefix_ranges": [{"address_prefix": address, "prefix_len": length}]}


@pytest.mark.parametrize(
    ("first", "second", "error"),
    [
        ({}, {}, "multiple filter chains with overlapping matching rules are defined"),
        (
            {"server_names": ["x", "y"]},
            {"server_names": ["Y"]},
            "multiple filter chains with overlapping matching rules are defined",
        ),
        (cidr("10.1.0.0", 8), cidr("10.0.0.0", 8), "multiple filter chains with overlapping"),
        ({"server_names": ["x"]}, {"server_names": ["y"]}, None),
        ({"source_ports": [1, 2]}, {"source_ports": [3]}, None),
        (cidr("10.0.0.0", 8), cidr("10.0.0.0", 16), None),
        ({}, {"destination_port": 1}, None),
    ],
)
def test_chains_that_take_the_same_connections(first, second, error):
    ctx = context()
    chains = [
        chain(name="a", filter_chain_match=first),
        chain(name="b", filter_chain_match=second),
    ]
    compiled(ctx, filter_chains=chains)
    assert len(errors(ctx)) == (error is not None)
    if error is not None:
        assert errors(ctx)[0].startswith(
            f"l.filter_chains[1].filter_chain_match: error adding listener '127.0.0.1:80': {error}"
        )


def test_a_terminal_filter_comes_last():
    ctx = context()
    compiled(ctx, filter_chains=[{"filters": [manager(), manager()]}])
    assert errors(ctx) == [
        "l.filter_chains[0].filters[0]: Error: terminal filter named hcm of type"
        " envoy.filters.network.http_connection_manager must be the last filter in a network filter"
        " chain."
    ]


def test_metrics_of_connections_are_for_tcp():
    ctx = context()
    typed = {"@type": "type.googleapis.com/stats.PluginConfig"}
    compiled(ctx, filter_chains=[{"filters": [{"name": "s", "typed_config": typed}, manager()]}])
    assert errors(ctx) == [
        "l.filter_chains[0].filters[0]: the network filter s in a chain without tcp_proxy is not"
        " implemented"
    ]


def test_a_filter_that_is_only_named_and_unknown():
    ctx = context()
    compiled(ctx, filter_chains=[{"filters": [{"name": "envoy.filters.network.nope"}]}])
    (error,) = errors(ctx)
    assert error == (
        "l.filter_chains[0].filters[0]: network filter envoy.filters.network.nope without"
        " typed_config is not implemented"
    )


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ({"udp_listener_config": {}}, "error x.udp_listener_config"),
        (
            {"connection_balance_config": {"extend_balance": {"name": "dlb"}}},
            "error x.connection_balance_config.extend_balance",
        ),
    ],
)
def test_what_is_not_implemented(field, found):
    (report,) = unsupported(source_of(**field))
    assert report.startswith(found)


def test_exact_balance():
    ctx = context()
    listener = compiled(ctx, connection_balance_config={"exact_balance": {}}).listener
    assert listener.exact_balance
    assert errors(ctx) == []
    assert not compiled().listener.exact_balance


def test_multipath_tcp():
    ctx = context()
    assert compiled(ctx, enable_mptcp=True).listener.mptcp
    assert errors(ctx) == []
    assert not compiled().listener.mptcp


def test_multipath_tcp_is_for_ip_addresses():
    ctx = context()
    compiled(ctx, address={"pipe": {"path": "/tmp/x"}}, enable_mptcp=True)
    assert errors(ctx) == [
        "l.enable_mptcp: listener l: enable_mptcp can only be used with IP addresses"
    ]


def test_a_chain_is_the_same_wherever_it_stands():
    """So that an update that moves it leaves its connections."""
    second = {
        "filter_chain_match": {"source_ports": [7]},
        "filters": [manager(route_config={"name": "other"})],
    }
    one = compiled(filter_chains=[chain(), second]).listener.filter_chains
    other = compiled(filter_chains=[second, chain()]).listener.filter_chains
    assert [*one] == [*other][::-1]
