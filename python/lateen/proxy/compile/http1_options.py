"""Options of HTTP/1, downstream and upstream.

Source: Http1ProtocolOptions in envoy/config/core/v3/protocol.proto and
envoy/extensions/http/header_formatters/preserve_case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import Http1Options

if TYPE_CHECKING:
    from envoy.config.core.v3.protocol_pb2 import Http1ProtocolOptions

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.core.v3.Http1ProtocolOptions",
        implemented="""
            allow_absolute_url accept_http_10 default_host_for_http_10 header_key_format
            enable_trailers allow_chunked_length
            override_stream_error_on_invalid_http_message send_fully_qualified_url
            allow_custom_methods
        """,
        harmless={
            "use_balsa_parser": "there is one parser",
        },
    ),
    Fields(
        "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig",
        category="envoy.http.stateful_header_formatters",
    ),
    whole("envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat"),
    whole("envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat.ProperCaseWords"),
)


def default_http1() -> Http1Options:
    """The options of a listener or cluster that says nothing of HTTP/1."""
    return Http1Options(allow_absolute_url=True)


def compile_http1(ctx: CompileContext, options: Http1ProtocolOptions, at: str) -> Http1Options:
    """The options that are given, with defaults for the others."""
    absolute = options.allow_absolute_url.value or not options.HasField("allow_absolute_url")
    compiled = Http1Options(
        accept_http_10=options.accept_http_10,
        default_host_for_http_10=options.default_host_for_http_10,
        allow_absolute_url=absolute,
        enable_trailers=options.enable_trailers,
        allow_chunked_length=options.allow_chunked_length,
        stream_error_on_invalid_http_message=(
            options.override_stream_error_on_invalid_http_message.value
        ),
        send_fully_qualified_url=options.send_fully_qualified_url,
        allow_custom_methods=options.allow_custom_methods,
    )
    if options.HasField("header_key_format"):
        where = f"{at}.header_key_format"
        compiled.header_case = _header_case(ctx, options.header_key_format, where)
    return compiled


def _header_case(
    ctx: CompileContext, source: Http1ProtocolOptions.HeaderKeyFormat, at: str
) -> Http1Options.HeaderCase:
    if source.WhichOneof("header_format") != "stateful_formatter":
        return Http1Options.HeaderCase.PROPER
    if not source.stateful_formatter.HasField("typed_config"):
        ctx.error(f"{at}.stateful_formatter", "typed_config is missing")
    return Http1Options.HeaderCase.PRESERVE
