"""Bytes that a configuration holds or names: inline, a file, an environment variable.

Source: envoy/config/core/v3/base.proto, DataSource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import DataSource

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.core.v3.DataSource",
        implemented="filename inline_bytes inline_string environment_variable",
        harmless={
            "watched_directory": "files are read once, when the configuration is loaded",
        },
    ),
)


def read_data_source(ctx: CompileContext, source: DataSource, at: str) -> bytes:
    """The content; empty after an error."""
    kind = source.WhichOneof("specifier")
    if kind == "inline_string":
        return source.inline_string.encode()
    if kind == "inline_bytes":
        return source.inline_bytes
    if kind == "filename":
        try:
            return ctx.read_file(source.filename)
        except OSError as error:
            ctx.error(f"{at}.filename", f"cannot read {source.filename}: {error.strerror or error}")
    elif kind == "environment_variable":
        value = ctx.environment.get(source.environment_variable)
        if value is not None:
            return value.encode()
        ctx.error(
            f"{at}.environment_variable",
            f"Environment variable doesn't exist: {source.environment_variable}",
        )
    return b""


def read_text(ctx: CompileContext, source: DataSource, at: str) -> str:
    """The content as UTF-8; what is not UTF-8 is an error."""
    content = read_data_source(ctx, source, at)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        ctx.error(at, f"not UTF-8: {error.reason} at byte {error.start}")
        return ""
