"""envoy.filters.network.set_filter_state

Source: envoy/extensions/filters/network/set_filter_state/v3/set_filter_state.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import NetworkFilter
from lateen.proxy.compile.filter_state import SUPPORT as SHARED_SUPPORT
from lateen.proxy.compile.filter_state import compile_filter_state
from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.registry import NetworkExtension

if TYPE_CHECKING:
    from envoy.extensions.filters.network.set_filter_state.v3.set_filter_state_pb2 import Config
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.filters.network.set_filter_state.v3.Config"

SUPPORT = (
    Fields(
        _TYPE,
        implemented="on_new_connection on_downstream_data",
        category="envoy.filters.network",
    ),
    *SHARED_SUPPORT,
)


def compile_set_filter_state(
    ctx: CompileContext, message: Message, owner: FilterOwner, at: str
) -> NetworkFilter:
    """The filter that gives connections filter state."""
    config: Config = message  # type: ignore[assignment]
    new = compile_filter_state(ctx, config.on_new_connection, f"{at}.on_new_connection")
    data = compile_filter_state(ctx, config.on_downstream_data, f"{at}.on_downstream_data")
    return NetworkFilter(
        set_filter_state=worker_pb2.SetFilterState(on_new_connection=new, on_downstream_data=data)
    )


EXTENSION = NetworkExtension(
    "envoy.filters.network.set_filter_state", _TYPE, compile_set_filter_state, SUPPORT
)
