import pytest

from lateen.protos.worker_pb2 import Http1Options, HttpConnectionManager
from lateen.proxy.compile.network_filters.http_connection_manager import (
    compile_http_connection_manager,
)
from lateen.proxy.compile.network_filters.owner import FilterOwner
from tests.support.messages import ROUTER, context, errors, message, unsupported

_TYPE = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_URL = "type.googleapis.com/envoy.extensions"
_XFF = f"{_URL}.http.original_ip_detection.xff.v3.XffConfig"


def source_of(**given):
    full = {"stat_prefix": "in", "route_config": {"name": "r"}, "http_filters": [ROUTER], **given}
    return message(_TYPE, full)


def compiled(ctx=None, **given):
    owner = FilterOwner("t", "127.0.0.1:80")
    made = compile_http_connection_manager(ctx or context(), source_of(**given), owner, "h")
    return made.http_connection_manager


def test_defaults():
    manager = compiled()
    assert manager.codec_type == HttpConnectionManager.AUTO
    assert manager.idle_timeout_ms == 3_600_000
    assert manager.stream_idle_timeout_ms == 300_000
    assert manager.drain_timeout_ms == 5000
    assert manager.delayed_close_timeout_ms == 1000
    assert manager.request_timeout_ms == manager.request_headers_timeout_ms == 0
    assert manager.max_connection_duration_ms == manager.max_stream_duration_ms == 0
    assert manager.max_request_headers_bytes == 60 * 1024
    assert manager.max_headers_count == 100
    assert manager.max_requests_per_connection == 0
    assert manager.server_name == "envoy"
    assert manager.generate_request_id
    assert manager.pack_trace_reason
    assert manager.http1.allow_absolute_url
    assert not manager.normalize_path
    assert not manager.use_remote_address
    assert not manager.HasField("local_reply")


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({"stream_idle_timeout": "0s"}, "stream_idle_timeout_ms", 0),
        ({"request_timeout": "1.5s"}, "request_timeout_ms", 1500),
        ({"request_headers_timeout": "2s"}, "request_headers_timeout_ms", 2000),
        ({"drain_timeout": "3s"}, "drain_timeout_ms", 3000),
        ({"delayed_close_timeout": "0s"}, "delayed_close_timeout_ms", 0),
        ({"max_request_headers_kb": 8}, "max_request_headers_bytes", 8192),
        ({"common_http_protocol_options": {"idle_timeout": "0s"}}, "idle_timeout_ms", 0),
        ({"common_http_protocol_options": {"max_headers_count": 5}}, "max_headers_count", 5),
        (
            {"common_http_protocol_options": {"max_connection_duration": "1s"}},
            "max_connection_duration_ms",
            1000,
        ),
        (
            {"common_http_protocol_options": {"max_stream_duration": "1s"}},
            "max_stream_duration_ms",
            1000,
        ),
        (
            {"common_http_protocol_options": {"max_requests_per_connection": 2}},
            "max_requests_per_connection",
            2,
        ),
        (
            {"common_http_protocol_options": {"headers_with_underscores_action": "DROP_HEADER"}},
            "headers_with_underscores",
            HttpConnectionManager.DROP_HEADER,
        ),
        ({"use_remote_address": True}, "use_remote_address", True),
        ({"xff_num_trusted_hops": 2}, "xff_num_trusted_hops", 2),
        ({"skip_xff_append": True}, "skip_xff_append", True),
        ({"via": "v"}, "via", "v"),
        ({"server_name": "s"}, "server_name", "s"),
        (
            {"server_header_transformation": "PASS_THROUGH"},
            "server_header_transformation",
            HttpConnectionManager.PASS_THROUGH,
        ),
        ({"generate_request_id": False}, "generate_request_id", False),
        ({"preserve_external_request_id": True}, "preserve_external_request_id", True),
        ({"always_set_request_id_in_response": True}, "always_set_request_id_in_response", True),
        ({"strip_any_host_port": True}, "strip_port", HttpConnectionManager.STRIP_ANY),
        ({"strip_matching_host_port": True}, "strip_port", HttpConnectionManager.STRIP_MATCHING),
        ({"strip_trailing_host_dot": True}, "strip_trailing_host_dot", True),
        ({"normalize_path": True}, "normalize_path", True),
        ({"merge_slashes": True}, "merge_slashes", True),
        (
            {"path_with_escaped_slashes_action": "KEEP_UNCHANGED"},
            "escaped_slashes",
            HttpConnectionManager.KEEP_UNCHANGED,
        ),
        (
            {"path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD"},
            "escaped_slashes",
            HttpConnectionManager.UNESCAPE_AND_FORWARD,
        ),
        ({"add_user_agent": True}, "add_user_agent", True),
        ({"proxy_100_continue": True}, "proxy_100_continue", True),
        ({"append_x_forwarded_port": True}, "append_x_forwarded_port", True),
        (
            {"forward_client_cert_details": "ALWAYS_FORWARD_ONLY"},
            "forward_client_cert",
            HttpConnectionManager.ALWAYS_FORWARD_ONLY,
        ),
        (
            {"scheme_header_transformation": {"scheme_to_overwrite": "https"}},
            "scheme_overwrite",
            "https",
        ),
        ({"scheme_header_transformation": {"match_upstream": True}}, "scheme_match_upstream", True),
        (
            {"access_log_options": {"flush_access_log_on_new_request": True}},
            "flush_access_log_on_new_request",
            True,
        ),
    ],
)
def test_one_field_at_a_time(given, field, value):
    assert unsupported(source_of(**given)) == []
    assert getattr(compiled(**given), field) == value


def test_the_route_table_is_named_and_kept_by_the_owner():
    owner = FilterOwner("listener/l", "a")
    source = source_of()
    made = compile_http_connection_manager(context(), source, owner, "h").http_connection_manager
    (table,) = owner.route_tables
    assert made.route_table == table.name == owner.table_name(source.route_config)


def test_two_blocks_of_stats():
    ctx = context()
    manager = compiled(ctx)
    assert ctx.blocks[manager.stats_block].prefix == "http.in"
    assert ctx.blocks[manager.listener_stats_block].prefix == "listener.127.0.0.1_80.http.in"


def test_http_1_options():
    options = {
        "accept_http_10": True,
        "default_host_for_http_10": "d",
        "allow_absolute_url": False,
        "allow_chunked_length": True,
        "send_fully_qualified_url": True,
        "allow_custom_methods": True,
        "header_key_format": {"proper_case_words": {}},
    }
    http1 = compiled(http_protocol_options=options).http1
    assert http1 == Http1Options(
        accept_http_10=True,
        default_host_for_http_10="d",
        allow_chunked_length=True,
        send_fully_qualified_url=True,
        allow_custom_methods=True,
        header_case=Http1Options.PROPER,
    )


@pytest.mark.parametrize(
    ("manager", "http1", "tolerant"),
    [(None, None, False), (True, None, True), (True, False, False), (False, True, True)],
)
def test_whether_an_invalid_message_ends_only_its_stream(manager, http1, tolerant):
    given = {}
    if manager is not None:
        given["stream_error_on_invalid_http_message"] = manager
    if http1 is not None:
        override = {"override_stream_error_on_invalid_http_message": http1}
        given["http_protocol_options"] = override
    assert compiled(**given).http1.stream_error_on_invalid_http_message == tolerant


def test_internal_addresses():
    manager = compiled(
        internal_address_config={
            "unix_sockets": True,
            "cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}],
        }
    )
    assert manager.internal_unix_sockets
    assert manager.internal_addresses[0].prefix_len == 8


def test_paths_are_normalized_by_default_where_the_runtime_says_so():
    key = "http_connection_manager.normalize_path"
    assert compiled(context(runtime={key: "true"})).normalize_path
    assert not compiled(context(runtime={key: "true"}), normalize_path=False).normalize_path


def test_upgrades_are_let_through_or_not():
    upgrades = [
        {"upgrade_type": "x", "enabled": False},
        {"upgrade_type": "WebSocket", "filters": [ROUTER]},
    ]
    manager = compiled(upgrade_configs=upgrades)
    assert [(each.type, each.enabled) for each in manager.upgrades] == [
        ("x", False),
        ("websocket", True),
    ]
    assert [len(each.http_filters) for each in manager.upgrades] == [0, 1]


def test_the_filters_of_an_upgrade_end_in_the_router():
    mutation = {
        "name": "m",
        "typed_config": {
            "@type": f"{_URL}.filters.http.header_mutation.v3.HeaderMutation",
            "mutations": {},
        },
    }
    ctx = context()
    compiled(ctx, upgrade_configs=[{"upgrade_type": "x", "filters": [mutation]}])
    assert ["upgrade_configs[0].filters[0]" in error for error in errors(ctx)] == [True]


def test_tunnels_are_logged_when_they_open():
    options = {"flush_log_on_tunnel_successfully_established": True}
    assert compiled(access_log_options=options).flush_access_log_on_tunnel


def extension(**given):
    return [{"name": "x", "typed_config": {"@type": _XFF, **given}}]


def test_the_extension_for_forwarded_addresses():
    manager = compiled(original_ip_detection_extensions=extension(xff_num_trusted_hops=2))
    assert (manager.xff_num_trusted_hops, manager.skip_xff_append) == (2, True)
    manager = compiled(original_ip_detection_extensions=extension(skip_xff_append=False))
    assert not manager.skip_xff_append


@pytest.mark.parametrize("field", [{"use_remote_address": True}, {"xff_num_trusted_hops": 1}])
def test_the_extension_and_what_it_replaces_exclude_each_other(field):
    ctx = context()
    compiled(ctx, original_ip_detection_extensions=extension(), **field)
    (name,) = field
    assert errors(ctx) == [
        "h.original_ip_detection_extensions: Original IP detection extensions and"
        f" {name} may not be mixed"
    ]


def test_a_request_id_need_not_hold_the_reason_of_its_trace():
    uuid = {
        "@type": f"{_URL}.request_id.uuid.v3.UuidRequestIdConfig",
        "pack_trace_reason": False,
    }
    assert not compiled(request_id_extension={"typed_config": uuid}).pack_trace_reason


def test_only_one_way_to_strip_a_port():
    ctx = context()
    compiled(ctx, strip_any_host_port=True, strip_matching_host_port=True)
    assert len(errors(ctx)) == 1


def test_http_3_is_not_implemented():
    ctx = context()
    compiled(ctx, codec_type="HTTP3")
    assert errors(ctx) == ["h.codec_type: codec_type HTTP3 is not implemented"]


def test_http_2_has_options_whatever_the_codec():
    assert compiled().http2.max_concurrent_streams == 1024
    manager = compiled(codec_type="HTTP2", http2_protocol_options={"max_concurrent_streams": 7})
    assert manager.codec_type == HttpConnectionManager.HTTP2
    assert manager.http2.max_concurrent_streams == 7
    tolerant = compiled(stream_error_on_invalid_http_message=True).http2
    assert tolerant.stream_error_on_invalid_http_message


def mutation(name):
    kind = f"{_URL}.filters.http.header_mutation.v3.HeaderMutation"
    return {"name": name, "typed_config": {"@type": kind}}


@pytest.mark.parametrize(
    ("filters", "error"),
    [
        (
            [ROUTER, mutation("m")],
            "h.http_filters[0]: Error: terminal filter named envoy.filters.http.router of type"
            " envoy.filters.http.router must be the last filter in a http filter chain.",
        ),
        (
            [mutation("m")],
            "h.http_filters[0]: Error: non-terminal filter named m of type"
            " envoy.filters.http.header_mutation is the last filter in a http filter chain.",
        ),
    ],
)
def test_the_order_of_http_filters(filters, error):
    ctx = context()
    compiled(ctx, http_filters=filters)
    assert error in errors(ctx)


def test_filters_keep_their_names_and_may_be_disabled():
    filters = [{**mutation("m"), "disabled": True}, {"name": "envoy.filters.http.router"}]
    ctx = context()
    manager = compiled(ctx, http_filters=filters)
    assert [(f.name, f.disabled, f.WhichOneof("kind")) for f in manager.http_filters] == [
        ("m", True, "header_mutation"),
        ("envoy.filters.http.router", False, "router"),
    ]
    assert errors(ctx) == []


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ({"http3_protocol_options": {}}, "warning x.http3_protocol_options"),
        ({"proxy_status_config": {}}, "error x.proxy_status_config"),
    ],
)
def test_what_is_not_implemented(field, found):
    (report,) = unsupported(source_of(**field))
    assert report.startswith(found)
