"""Headers to add and to remove.

Source: HeaderValueOption in envoy/config/core/v3/base.proto and Envoy docs, "HTTP header
manipulation"; errors as Envoy 1.40 words them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol, cast

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import AppendAction, HeaderMutations, HeaderValueOption
from lateen.proxy.compile.format import compile_format

if TYPE_CHECKING:
    from envoy.config.core.v3 import base_pb2

    from lateen.proxy.compile.context import CompileContext

    class HeaderLists(Protocol):
        """What tables, virtual hosts, routes and weighted clusters have in common."""

        @property
        def request_headers_to_add(self) -> Iterable[base_pb2.HeaderValueOption]:
            """Set before a request is sent."""

        @property
        def request_headers_to_remove(self) -> Iterable[str]:
            """Removed before a request is sent."""

        @property
        def response_headers_to_add(self) -> Iterable[base_pb2.HeaderValueOption]:
            """Set before a response is sent."""

        @property
        def response_headers_to_remove(self) -> Iterable[str]:
            """Removed before a response is sent."""


SUPPORT = (
    Fields(
        "envoy.config.core.v3.HeaderValueOption",
        implemented="header append append_action keep_empty_value",
    ),
    Fields(
        "envoy.config.core.v3.HeaderValue",
        implemented="key value raw_value",
    ),
)

_OVERWRITE = AppendAction.OVERWRITE_IF_EXISTS_OR_ADD
# %UPSTREAM_METADATA(["ns", "key"])% and %PER_REQUEST_STATE(key)% are older spellings.
_JSON_METADATA = re.compile(r'%(UPSTREAM|DYNAMIC)_METADATA\(\[((?:\s*"[^"]*"\s*,?)+)\]\)%')
_PER_REQUEST_STATE = re.compile(r"%PER_REQUEST_STATE\((.*?)\)%")
_QUOTED = re.compile(r'"([^"]*)"')


def compile_mutations(ctx: CompileContext, lists: HeaderLists, at: str) -> HeaderMutations:
    """The four lists of a table, virtual host, route or weighted cluster."""
    mutations = HeaderMutations()
    if lists.request_headers_to_add:
        where = f"{at}.request_headers_to_add"
        mutations.request_add.extend(compile_options(ctx, lists.request_headers_to_add, where))
    if lists.request_headers_to_remove:
        where = f"{at}.request_headers_to_remove"
        mutations.request_remove.extend(removals(ctx, lists.request_headers_to_remove, where))
    if lists.response_headers_to_add:
        where = f"{at}.response_headers_to_add"
        mutations.response_add.extend(compile_options(ctx, lists.response_headers_to_add, where))
    if lists.response_headers_to_remove:
        where = f"{at}.response_headers_to_remove"
        mutations.response_remove.extend(removals(ctx, lists.response_headers_to_remove, where))
    return mutations


def compile_options(
    ctx: CompileContext, options: Iterable[base_pb2.HeaderValueOption], at: str
) -> list[HeaderValueOption]:
    """Headers to add, in order."""
    return [compile_option(ctx, option, f"{at}[{i}]") for i, option in enumerate(options)]


def compile_option(
    ctx: CompileContext, option: base_pb2.HeaderValueOption, at: str
) -> HeaderValueOption:
    """One header to add; without an action it is appended to what is there."""
    action = _action(ctx, option, at)
    compiled = compile_header_value(ctx, option.header, action, f"{at}.header")
    compiled.keep_empty_value = option.keep_empty_value
    return compiled


def compile_header_value(
    ctx: CompileContext, header: base_pb2.HeaderValue, action: AppendAction, at: str
) -> HeaderValueOption:
    """A header with what happens to one of that name."""
    name = header.key.lower()
    if not _modifiable(name):
        ctx.error(f"{at}.key", ":-prefixed or host headers may not be modified")
    text = _translate(ctx, _text(ctx, header, at), f"{at}.value")
    value = compile_format(ctx, text, f"{at}.value", omit_empty=True)
    return HeaderValueOption(name=name, value=value, action=action)


def _action(ctx: CompileContext, option: base_pb2.HeaderValueOption, at: str) -> AppendAction:
    if not option.HasField("append"):
        return cast("AppendAction", option.append_action)
    if option.append_action:
        ctx.error(f"{at}.append", "Both append and append_action are set and it's not allowed")
    return AppendAction.APPEND_IF_EXISTS_OR_ADD if option.append.value else _OVERWRITE


def _text(ctx: CompileContext, header: base_pb2.HeaderValue, at: str) -> str:
    if header.value or not header.raw_value:
        return header.value
    try:
        return header.raw_value.decode()
    except UnicodeDecodeError:
        ctx.unimplemented(f"{at}.raw_value", "bytes that are not UTF-8", "UTF-8 text")
        return ""


def _translate(ctx: CompileContext, text: str, at: str) -> str:
    if "_METADATA([" not in text and "%PER_REQUEST_STATE(" not in text:
        return text
    translated = _JSON_METADATA.sub(
        lambda m: f"%{m[1]}_METADATA({':'.join(_QUOTED.findall(m[2]))})%", text
    )
    translated = _PER_REQUEST_STATE.sub(r"%FILTER_STATE(\1:PLAIN)%", translated)
    if translated != text:
        ctx.warning(at, f"an obsolete form of a command; use {translated}")
    return translated


def removals(ctx: CompileContext, names: Iterable[str], at: str) -> list[str]:
    """Names of headers to remove, in lower case."""
    lowered = [name.lower() for name in names]
    for index, name in enumerate(lowered):
        if not _modifiable(name):
            ctx.error(f"{at}[{index}]", ":-prefixed or host headers may not be removed")
    return lowered


def _modifiable(name: str) -> bool:
    return not name.startswith(":") and name != "host"
