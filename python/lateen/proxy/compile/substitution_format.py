"""SubstitutionFormatString: the text or JSON format of logs, local replies and direct responses.

Source: envoy/config/core/v3/substitution_format_string.proto.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import BodyFormat, Format, JsonFormat
from lateen.proxy.compile import commands
from lateen.proxy.compile.commands import Argument, CommandRule
from lateen.proxy.compile.data_source import read_text
from lateen.proxy.compile.format import compile_format, compile_json_format
from lateen.proxy.compile.values import struct_to_python

if TYPE_CHECKING:
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
    from envoy.config.core.v3.substitution_format_string_pb2 import SubstitutionFormatString
    from envoy.extensions.formatter.cel.v3.cel_pb2 import Cel

    from lateen.proxy.compile.context import CompileContext

_CEL = "envoy.extensions.formatter.cel.v3.Cel"

SUPPORT = (
    Fields(
        "envoy.config.core.v3.SubstitutionFormatString",
        implemented="""
            text_format json_format text_format_source omit_empty_values content_type
            json_format_options formatters
        """,
    ),
    Fields(
        "envoy.config.core.v3.JsonFormatOptions",
        implemented="sort_properties",
    ),
    *(whole(name, category="envoy.formatter") for name in (*commands.FORMATTERS, _CEL)),
)


def compile_format_string(
    ctx: CompileContext, source: SubstitutionFormatString, at: str
) -> Format | JsonFormat:
    """The compiled text or JSON format; `content_type` is left to the caller."""
    omit = source.omit_empty_values
    extra = extra_commands(ctx, source.formatters)
    kind = source.WhichOneof("format")
    if kind == "json_format":
        value = struct_to_python(source.json_format)
        return compile_json_format(ctx, value, f"{at}.json_format", omit_empty=omit, extra=extra)
    if kind == "text_format_source":
        text = read_text(ctx, source.text_format_source, f"{at}.text_format_source")
        return compile_format(ctx, text, f"{at}.text_format_source", omit_empty=omit, extra=extra)
    return compile_format(
        ctx, source.text_format, f"{at}.text_format", omit_empty=omit, extra=extra
    )


def compile_body_format(
    ctx: CompileContext, source: SubstitutionFormatString, at: str
) -> BodyFormat:
    """A format and the content type of what it makes: text/plain, or application/json for JSON."""
    compiled = compile_format_string(ctx, source, at)
    if isinstance(compiled, JsonFormat):
        return BodyFormat(json=compiled, content_type=source.content_type or "application/json")
    return BodyFormat(text=compiled, content_type=source.content_type or "text/plain")


def extra_commands(
    ctx: CompileContext, formatters: Iterable[TypedExtensionConfig]
) -> dict[str, CommandRule]:
    """The commands that formatters add to those that every format has, or let do more."""
    extra: dict[str, CommandRule] = {}
    for formatter in formatters:
        message = ctx.unpack(formatter.typed_config)
        name = message.DESCRIPTOR.full_name if message else ""
        if name == _CEL:
            functions = cast("Cel", message).cel_config
            rule = CommandRule(Argument.REQUIRED, length=True, functions=functions)
            extra.update(dict.fromkeys(commands.EXPRESSIONS, rule))
        elif name in commands.FORMATTERS:
            extra[commands.FORMATTERS[name]] = CommandRule(Argument.REQUIRED, length=True)
    return extra
