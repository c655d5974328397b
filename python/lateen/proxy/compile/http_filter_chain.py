"""The chain of HTTP filters of a connection manager.

Source: HttpFilter in http_connection_manager.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2

if TYPE_CHECKING:
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
        implemented="name typed_config is_optional disabled",
    ),
)

_ROUTER = "envoy.filters.http.router"


def compile_http_filters(
    ctx: CompileContext, filters: Sequence[hcm.HttpFilter], at: str
) -> list[worker_pb2.HttpFilter]:
    """Every filter that is implemented, in order; the router must be the last one."""
    compiled = []
    for index, source in enumerate(filters):
        where = f"{at}[{index}]"
        out = _compile_filter(ctx, source, where, last=index == len(filters) - 1)
        if out is not None:
            compiled.append(out)
    return compiled


def _compile_filter(
    ctx: CompileContext, source: hcm.HttpFilter, at: str, *, last: bool
) -> worker_pb2.HttpFilter | None:
    config = source.typed_config if source.HasField("typed_config") else None
    if source.HasField("config_discovery"):
        return None
    found = ctx.extensions.http_filters.find(ctx, source.name, config, at)
    if found is None:
        if source.is_optional:
            ctx.excuse(f"{at}.typed_config", "the filter is left out, as it is optional")
        return None
    extension, message = found
    compiled = extension.compile(ctx, message, f"{at}.typed_config")
    compiled.name = source.name
    compiled.disabled = source.disabled
    _check_position(ctx, source, extension.name, at, last=last)
    return compiled


def _check_position(
    ctx: CompileContext, source: hcm.HttpFilter, kind: str, at: str, *, last: bool
) -> None:
    terminal = kind == _ROUTER
    if terminal and not last:
        ctx.error(
            at,
            f"Error: terminal filter named {source.name} of type {kind} must be the last filter in"
            " a http filter chain.",
        )
    elif last and not terminal:
        ctx.error(
            at,
            f"Error: non-terminal filter named {source.name} of type {kind} is the last filter in a"
            " http filter chain.",
        )
