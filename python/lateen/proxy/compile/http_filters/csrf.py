"""envoy.filters.http.csrf

Source: envoy/extensions/filters/http/csrf/v3/csrf.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import CsrfFilter, FilterOverride, HttpFilter
from lateen.proxy.compile.matchers import compile_string
from lateen.proxy.compile.registry import HttpExtension, Override
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.values import runtime_fraction

if TYPE_CHECKING:
    from envoy.extensions.filters.http.csrf.v3.csrf_pb2 import CsrfPolicy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_TYPE = "envoy.extensions.filters.http.csrf.v3.CsrfPolicy"

SUPPORT = (whole(_TYPE, category="envoy.filters.http"),)


def compile_csrf(
    ctx: CompileContext, message: Message, owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter that refuses changes that pages of other hosts ask for."""
    policy: CsrfPolicy = message  # type: ignore[assignment]
    block = owner.block(ctx.blocks, BlockKind.CSRF, "csrf")
    return HttpFilter(csrf=CsrfFilter(stats_block=block, policy=_compile(ctx, policy, at)))


def compile_csrf_override(
    ctx: CompileContext, message: Message, out: FilterOverride, at: str
) -> None:
    """The policy of a route, in place of the filter's."""
    policy: CsrfPolicy = message  # type: ignore[assignment]
    out.csrf.CopyFrom(_compile(ctx, policy, at))


def _compile(ctx: CompileContext, policy: CsrfPolicy, at: str) -> worker_pb2.CsrfPolicy:
    compiled = worker_pb2.CsrfPolicy(
        additional_origins=[
            compile_string(ctx, origin, f"{at}.additional_origins[{index}]")
            for index, origin in enumerate(policy.additional_origins)
        ]
    )
    if policy.HasField("filter_enabled"):
        compiled.enabled.CopyFrom(runtime_fraction(policy.filter_enabled))
    if policy.HasField("shadow_enabled"):
        compiled.shadow.CopyFrom(runtime_fraction(policy.shadow_enabled))
    return compiled


EXTENSION = HttpExtension(
    "envoy.filters.http.csrf",
    _TYPE,
    compile_csrf,
    SUPPORT,
    Override(_TYPE, compile_csrf_override),
)
