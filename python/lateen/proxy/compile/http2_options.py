"""Options of HTTP/2, downstream and upstream.

Source: Http2ProtocolOptions in envoy/config/core/v3/protocol.proto; defaults and errors as in
Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import Http2Keepalive, Http2Options, Http2Setting
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from envoy.config.core.v3.protocol_pb2 import Http2ProtocolOptions, KeepaliveSettings

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.core.v3.Http2ProtocolOptions",
        implemented="""
            hpack_table_size max_concurrent_streams initial_stream_window_size
            initial_connection_window_size allow_connect allow_metadata max_outbound_frames
            max_outbound_control_frames max_consecutive_inbound_frames_with_empty_payload
            max_inbound_priority_frames_per_stream
            max_inbound_window_update_frames_per_data_frame_sent
            stream_error_on_invalid_http_messaging override_stream_error_on_invalid_http_message
            custom_settings_parameters connection_keepalive max_metadata_size
            enable_huffman_encoding
        """,
        harmless={
            "use_oghttp2_codec": "there is one codec",
            "max_header_field_size_kb": "max_request_headers_kb limits the whole head",
        },
    ),
    whole("envoy.config.core.v3.Http2ProtocolOptions.SettingsParameter"),
    whole("envoy.config.core.v3.KeepaliveSettings"),
)

# The identifiers of RFC 9113 section 6.5.2 and RFC 8441 section 3.
_HEADER_TABLE_SIZE, _ENABLE_PUSH, _MAX_CONCURRENT_STREAMS, _INITIAL_WINDOW_SIZE = 1, 2, 3, 4
_ENABLE_CONNECT_PROTOCOL = 8
_NAMED = {
    _HEADER_TABLE_SIZE: "hpack_table_size",
    _MAX_CONCURRENT_STREAMS: "max_concurrent_streams",
    _INITIAL_WINDOW_SIZE: "initial_stream_window_size",
}

_DEFAULTS = {
    "hpack_table_size": 4096,
    "max_concurrent_streams": 1024,
    "initial_stream_window_size": 16 * 1024 * 1024,
    "initial_connection_window_size": 24 * 1024 * 1024,
    "max_outbound_frames": 10_000,
    "max_outbound_control_frames": 1000,
    "max_consecutive_inbound_frames_with_empty_payload": 1,
    "max_inbound_priority_frames_per_stream": 100,
    "max_inbound_window_update_frames_per_data_frame_sent": 10,
    "max_metadata_size": 1024 * 1024,
}


def default_http2(*, tolerant: bool = False) -> Http2Options:
    """The options of a listener or cluster that says nothing of HTTP/2.

    Args:
        tolerant: a malformed message ends its stream, not the connection.
    """
    options = Http2Options(huffman=True, stream_error_on_invalid_http_message=tolerant)
    for name, value in _DEFAULTS.items():
        setattr(options, name, value)
    return options


def compile_http2(
    ctx: CompileContext, options: Http2ProtocolOptions, at: str, *, tolerant: bool = False
) -> Http2Options:
    """The options that are given, defaults for the others; `tolerant` as in `default_http2`."""
    compiled = default_http2(tolerant=tolerant)
    for name in _DEFAULTS:
        if options.HasField(name):
            setattr(compiled, name, getattr(options, name).value)
    compiled.allow_connect = options.allow_connect
    compiled.allow_metadata = options.allow_metadata
    override = "override_stream_error_on_invalid_http_message"
    if options.HasField(override):
        compiled.stream_error_on_invalid_http_message = (
            options.override_stream_error_on_invalid_http_message.value
        )
    elif options.stream_error_on_invalid_http_messaging:
        compiled.stream_error_on_invalid_http_message = True
    if options.HasField("enable_huffman_encoding"):
        compiled.huffman = options.enable_huffman_encoding.value
    if options.HasField("connection_keepalive"):
        compiled.keepalive.CopyFrom(_keepalive(options.connection_keepalive))
    _compile_custom(ctx, options, compiled, f"{at}.custom_settings_parameters")
    return compiled


def _keepalive(source: KeepaliveSettings) -> Http2Keepalive:
    """Pings after an interval, and of connections that were idle, each with its time-out."""
    jitter = source.interval_jitter.value if source.HasField("interval_jitter") else 15.0
    return Http2Keepalive(
        interval_ms=milliseconds(source.interval),
        timeout_ms=milliseconds(source.timeout),
        jitter_percent=jitter,
        idle_interval_ms=milliseconds(source.connection_idle_interval),
    )


def _compile_custom(
    ctx: CompileContext, options: Http2ProtocolOptions, out: Http2Options, at: str
) -> None:
    """SETTINGS by number: none that a field names as well, none twice with another value."""
    values: dict[int, int] = {}
    both: set[str] = set()
    inconsistent: set[str] = set()
    for index, parameter in enumerate(options.custom_settings_parameters):
        identifier, value = parameter.identifier.value, parameter.value.value
        if identifier == _ENABLE_PUSH and value == 1:
            ctx.error(
                f"{at}[{index}]",
                "server push is not supported by Envoy and can not be enabled via a SETTINGS"
                " parameter.",
            )
        elif identifier == _ENABLE_CONNECT_PROTOCOL:
            ctx.error(
                f"{at}[{index}]",
                'the "allow_connect" SETTINGS parameter must only be configured through the named'
                " field",
            )
        elif identifier in _NAMED and options.HasField(_NAMED[identifier]):
            both.add(_NAMED[identifier])
        elif values.setdefault(identifier, value) != value:
            inconsistent.add(f"0x{identifier:02x}")
    if both:
        ctx.error(
            at,
            f"the {{{','.join(sorted(both))}}} HTTP/2 SETTINGS parameter(s) can not be configured"
            " through both named and custom parameters",
        )
    if inconsistent:
        listed = ",".join(sorted(inconsistent))
        reason = "inconsistent HTTP/2 custom SETTINGS parameter(s) detected"
        ctx.error(at, f"{reason}; identifiers = {{{listed}}}")
    for identifier, value in values.items():
        if identifier in _NAMED:
            setattr(out, _NAMED[identifier], value)
        else:
            out.custom_settings.append(Http2Setting(identifier=identifier, value=value))
