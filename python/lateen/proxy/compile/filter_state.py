"""Values that filters give to connections and requests.

Source: envoy/extensions/filters/common/set_filter_state/v3/value.proto.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import FilterStateValue, Format
from lateen.proxy.compile.substitution_format import compile_format_string

if TYPE_CHECKING:
    from envoy.extensions.filters.common.set_filter_state.v3 import value_pb2 as envoy

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue",
        implemented="object_key factory_key format_string skip_if_empty shared_with_upstream",
        harmless={
            "read_only": "a later value replaces an earlier one only where it is configured to",
        },
    ),
)

# What makes an object of a text in Envoy, as far as something here reads it.
_FACTORIES = (
    "envoy.filters.listener.original_dst.local_ip",
    "envoy.filters.listener.original_dst.remote_ip",
    "envoy.hashable_string",
    "envoy.network.transport_socket.original_dst_address",
    "envoy.ratelimit.hits_addend",
    "envoy.string",
    "envoy.tcp_proxy.cluster",
    "envoy.upstream.dynamic_host",
    "envoy.upstream.dynamic_port",
)
# Whose objects a hash policy can name.
_HASHABLE = ("envoy.hashable_string", "envoy.network.transport_socket.original_dst_address")


def compile_filter_state(
    ctx: CompileContext, values: Iterable[envoy.FilterStateValue], at: str
) -> list[FilterStateValue]:
    """Values by key; a key without a known factory is an error."""
    compiled = []
    for index, value in enumerate(values):
        where = f"{at}[{index}]"
        factory = value.factory_key or value.object_key
        if factory not in _FACTORIES:
            ctx.error(
                f"{where}.{'factory_key' if value.factory_key else 'object_key'}",
                f"'{factory}' does not have an object factory",
                f"implemented here: {', '.join(_FACTORIES)}",
            )
        text = compile_format_string(ctx, value.format_string, f"{where}.format_string")
        if not isinstance(text, Format):
            ctx.unimplemented(f"{where}.format_string", "a JSON format", "text formats")
            continue
        compiled.append(
            FilterStateValue(
                key=value.object_key,
                value=text,
                skip_if_empty=value.skip_if_empty,
                sharing=cast("FilterStateValue.Sharing", value.shared_with_upstream),
                hashable=factory in _HASHABLE,
            )
        )
    return compiled
