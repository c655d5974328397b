"""envoy.filters.http.header_mutation

Source: envoy/extensions/filters/http/header_mutation/v3/header_mutation.proto.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import (
    FilterOverride,
    HeaderMutation,
    HeaderMutationFilter,
    HttpFilter,
)
from lateen.proxy.compile.headers import compile_option
from lateen.proxy.compile.matchers import compile_string
from lateen.proxy.compile.registry import HttpExtension, Override

if TYPE_CHECKING:
    from envoy.config.common.mutation_rules.v3 import mutation_rules_pb2 as rules
    from envoy.extensions.filters.http.header_mutation.v3 import header_mutation_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.extensions.filters.http.header_mutation.v3"

SUPPORT = (
    Fields(
        f"{_PACKAGE}.HeaderMutation",
        implemented="mutations most_specific_header_mutations_wins",
        category="envoy.filters.http",
    ),
    whole(f"{_PACKAGE}.HeaderMutationPerRoute", category="envoy.filters.http"),
    Fields(f"{_PACKAGE}.Mutations", implemented="request_mutations response_mutations"),
    whole("envoy.config.common.mutation_rules.v3.HeaderMutation"),
    whole("envoy.config.common.mutation_rules.v3.HeaderMutation.RemoveOnMatch"),
)


def compile_header_mutation(ctx: CompileContext, message: Message, at: str) -> HttpFilter:
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
        request=_compile_list(ctx, source.request_mutations, f"{at}.request_mutations"),
        response=_compile_list(ctx, source.response_mutations, f"{at}.response_mutations"),
    )


def _compile_list(
    ctx: CompileContext, mutations: Iterable[rules.HeaderMutation], at: str
) -> list[HeaderMutation]:
    compiled = []
    for index, mutation in enumerate(mutations):
        where = f"{at}[{index}]"
        kind = mutation.WhichOneof("action")
        if kind == "remove":
            compiled.append(HeaderMutation(remove=mutation.remove.lower()))
        elif kind == "append":
            option = compile_option(ctx, mutation.append, f"{where}.append")
            compiled.append(HeaderMutation(append=option))
        elif kind == "remove_on_match":
            where = f"{where}.remove_on_match.key_matcher"
            matcher = compile_string(ctx, mutation.remove_on_match.key_matcher, where)
            compiled.append(HeaderMutation(remove_on_match=matcher))
    return compiled


EXTENSION = HttpExtension(
    "envoy.filters.http.header_mutation",
    f"{_PACKAGE}.HeaderMutation",
    compile_header_mutation,
    SUPPORT,
    Override(f"{_PACKAGE}.HeaderMutationPerRoute", compile_header_mutation_override),
)
