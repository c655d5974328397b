import pytest

from lateen.proxy.compile.http2_options import compile_http2, default_http2
from tests.support.messages import context, errors, message


def compiled(ctx=None, *, tolerant=False, **given):
    options = message("config.core.v3.Http2ProtocolOptions", given)
    return compile_http2(ctx or context(), options, "h", tolerant=tolerant)


def custom(*settings):
    return [{"identifier": identifier, "value": value} for identifier, value in settings]


def test_defaults_are_those_of_envoy():
    options = compiled()
    assert options == default_http2()
    assert options.hpack_table_size == 4096
    assert options.initial_stream_window_size == 16 << 20
    assert options.initial_connection_window_size == 24 << 20
    assert options.max_outbound_frames == 10_000
    assert options.max_outbound_control_frames == 1000
    assert options.huffman
    assert not options.HasField("keepalive")


def test_what_is_given_counts():
    options = compiled(
        hpack_table_size=0,
        max_inbound_priority_frames_per_stream=5,
        allow_connect=True,
        enable_huffman_encoding=False,
    )
    assert options.hpack_table_size == 0
    assert options.max_inbound_priority_frames_per_stream == 5
    assert options.allow_connect
    assert not options.huffman


@pytest.mark.parametrize(
    ("given", "tolerant", "expected"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"override_stream_error_on_invalid_http_message": False}, True, False),
        ({"stream_error_on_invalid_http_messaging": True}, False, True),
    ],
)
def test_whether_an_invalid_message_ends_only_its_stream(given, tolerant, expected):
    options = compiled(tolerant=tolerant, **given)
    assert options.stream_error_on_invalid_http_message is expected


def test_pings():
    keepalive = compiled(connection_keepalive={"interval": "10s", "timeout": "2s"}).keepalive
    assert (keepalive.interval_ms, keepalive.timeout_ms) == (10_000, 2000)
    assert keepalive.jitter_percent == 15
    assert keepalive.idle_interval_ms == 0


def test_settings_by_number():
    options = compiled(custom_settings_parameters=custom((3, 5), (0x99, 7), (0x99, 7)))
    assert options.max_concurrent_streams == 5
    assert [(s.identifier, s.value) for s in options.custom_settings] == [(0x99, 7)]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (
            {"max_concurrent_streams": 7, "custom_settings_parameters": custom((3, 5))},
            "h.custom_settings_parameters: the {max_concurrent_streams} HTTP/2 SETTINGS"
            " parameter(s) can not be configured through both named and custom parameters",
        ),
        (
            {"custom_settings_parameters": custom((0x99, 5), (0x99, 6))},
            "h.custom_settings_parameters: inconsistent HTTP/2 custom SETTINGS parameter(s)"
            " detected; identifiers = {0x99}",
        ),
        (
            {"custom_settings_parameters": custom((2, 1))},
            "h.custom_settings_parameters[0]: server push is not supported by Envoy and can not"
            " be enabled via a SETTINGS parameter.",
        ),
        (
            {"custom_settings_parameters": custom((8, 1))},
            'h.custom_settings_parameters[0]: the "allow_connect" SETTINGS parameter must only be'
            " configured through the named field",
        ),
    ],
)
def test_settings_that_envoy_refuses(given, reason):
    ctx = context()
    compiled(ctx, **given)
    assert errors(ctx) == [reason]
