"""envoy.filters.http.cors

Source: envoy/extensions/filters/http/cors/v3/cors.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import CorsFilter, FilterOverride, HttpFilter
from lateen.proxy.compile.cors_policy import compile_cors_policy
from lateen.proxy.compile.registry import HttpExtension, Override
from lateen.proxy.compile.stats_blocks import BlockKind

if TYPE_CHECKING:
    from envoy.extensions.filters.http.cors.v3.cors_pb2 import CorsPolicy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_PACKAGE = "envoy.extensions.filters.http.cors.v3"

SUPPORT = (
    whole(f"{_PACKAGE}.Cors", category="envoy.filters.http"),
    whole(f"{_PACKAGE}.CorsPolicy", category="envoy.filters.http"),
)


def compile_cors(
    ctx: CompileContext, _message: Message, owner: HttpFilterOwner, _at: str
) -> HttpFilter:
    """The filter that answers browsers who ask before they read across origins."""
    return HttpFilter(cors=CorsFilter(stats_block=owner.block(ctx.blocks, BlockKind.CORS, "cors")))


def compile_cors_override(
    ctx: CompileContext, message: Message, out: FilterOverride, at: str
) -> None:
    """Which origins may read the responses of a route, virtual host or table."""
    policy: CorsPolicy = message  # type: ignore[assignment]
    out.cors.CopyFrom(compile_cors_policy(ctx, policy, at))


EXTENSION = HttpExtension(
    "envoy.filters.http.cors",
    f"{_PACKAGE}.Cors",
    compile_cors,
    SUPPORT,
    Override(f"{_PACKAGE}.CorsPolicy", compile_cors_override),
)
