"""envoy.filters.http.header_mutation

Source: envoy/extensions/filters/http/header_mutation/v3/header_mutation.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import (
    FilterOverride,
    HeaderMutationFilter,
    HttpFilter,
)
from lateen.proxy.compile.mutation_rules import compile_header_mutations
from lateen.proxy.compile.registry import HttpExtension, Override

if TYPE_CHECKING:
    from envoy.extensions.filters.http.header_mutation.v3 import header_mutation_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_PACKAGE = "envoy.extensions.filters.http.header_mutation.v3"

SUPPORT = (
    Fields(
        f"{_PACKAGE}.HeaderMutation",
        implemented="mutations most_specific_header_mutations_wins",
        category="envoy.filters.http",
    ),
    whole(f"{_PACKAGE}.HeaderMutationPerRoute", category="envoy.filters.http"),
    Fields(f"{_PACKAGE}.Mutations", implemented="request_mutations response_mutations"),
)


def compile_header_mutation(
    ctx: CompileContext, message: Message, _owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter with the mutations of all routes."""
    config: envoy.HeaderMutation = message  # type: ignore[assignment]
    compiled = _compile(ctx, config.mutations, f"{at}.mutations")
    compiled.most_specific_header_mutations_wins = config.most_specific_header_mutations_wins
    return HttpFilter(header_mutation=compiled)


def compile_header_mutation_override(
    ctx: CompileContext, message: Message, out: FilterOverride, at: str
) -> None:
    """The mutations of a route, virtual host or table."""
    config: envoy.HeaderMutationPerRoute = message  # type: ignore[assignment]
    out.header_mutation.CopyFrom(_compile(ctx, config.mutations, f"{at}.mutations"))


def _compile(ctx: CompileContext, source: envoy.Mutations, at: str) -> HeaderMutationFilter:
    return HeaderMutationFilter(
        request=compile_header_mutations(ctx, source.request_mutations, f"{at}.request_mutations"),
        response=compile_header_mutations(
            ctx, source.response_mutations, f"{at}.response_mutations"
        ),
    )


EXTENSION = HttpExtension(
    "envoy.filters.http.header_mutation",
    f"{_PACKAGE}.HeaderMutation",
    compile_header_mutation,
    SUPPORT,
    Override(f"{_PACKAGE}.HeaderMutationPerRoute", compile_header_mutation_override),
)
