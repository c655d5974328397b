"""envoy.filters.http.set_filter_state

Source: envoy/extensions/filters/http/set_filter_state/v3/set_filter_state.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import FilterOverride, HttpFilter, HttpSetFilterState
from lateen.proxy.compile.filter_state import compile_filter_state
from lateen.proxy.compile.registry import HttpExtension, Override

if TYPE_CHECKING:
    from envoy.extensions.filters.http.set_filter_state.v3 import set_filter_state_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_TYPE = "envoy.extensions.filters.http.set_filter_state.v3.Config"

SUPPORT = (whole(_TYPE, category="envoy.filters.http"),)


def compile_set_filter_state(
    ctx: CompileContext, message: Message, _owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter that gives requests filter state."""
    config: envoy.Config = message  # type: ignore[assignment]
    return HttpFilter(set_filter_state=_compile(ctx, config, at))


def compile_set_filter_state_override(
    ctx: CompileContext, message: Message, out: FilterOverride, at: str
) -> None:
    """What the requests of a route get beside it."""
    config: envoy.Config = message  # type: ignore[assignment]
    out.set_filter_state.CopyFrom(_compile(ctx, config, at))


def _compile(ctx: CompileContext, config: envoy.Config, at: str) -> HttpSetFilterState:
    where = f"{at}.on_request_headers"
    values = compile_filter_state(ctx, config.on_request_headers, where)
    for index, value in enumerate(config.on_request_headers):
        if value.shared_with_upstream:
            what = "sharing the state of a request with internal listeners"
            ctx.unimplemented(f"{where}[{index}].shared_with_upstream", what, "NONE")
    return HttpSetFilterState(on_request_headers=values, clear_route_cache=config.clear_route_cache)


EXTENSION = HttpExtension(
    "envoy.filters.http.set_filter_state",
    _TYPE,
    compile_set_filter_state,
    SUPPORT,
    Override(_TYPE, compile_set_filter_state_override),
)
