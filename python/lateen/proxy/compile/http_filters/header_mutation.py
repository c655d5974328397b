"""envoy.filters.http.header_mutation

Source: envoy/extensions/filters/http/header_mutation/v3/header_mutation.proto.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import (
    FilterOverride,
    HeaderMutationFilter,
    HttpFilter,
    QueryMutation,
)
from lateen.proxy.compile.format import compile_format
from lateen.proxy.compile.mutation_rules import compile_header_mutations
from lateen.proxy.compile.registry import HttpExtension, Override

if TYPE_CHECKING:
    from envoy.config.common.mutation_rules.v3.mutation_rules_pb2 import HeaderMutation
    from envoy.config.core.v3.base_pb2 import KeyValueMutation
    from envoy.extensions.filters.http.header_mutation.v3 import header_mutation_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.protos.worker_pb2 import AppendAction
    from lateen.protos.worker_pb2 import HeaderMutation as WorkerHeaderMutation
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
    Fields(
        f"{_PACKAGE}.Mutations",
        implemented="""
            request_mutations response_mutations query_parameter_mutations
            request_trailers_mutations response_trailers_mutations
        """,
        rejected={"formatters": "there are no commands of extensions here"},
    ),
    whole("envoy.config.core.v3.KeyValueMutation"),
    Fields(
        "envoy.config.core.v3.KeyValueAppend",
        implemented="record action",
        rejected={"entry": "use record"},
    ),
    whole("envoy.config.core.v3.KeyValuePair"),
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
    def headers(mutations: Iterable[HeaderMutation], field: str) -> list[WorkerHeaderMutation]:
        return compile_header_mutations(ctx, mutations, f"{at}.{field}")

    return HeaderMutationFilter(
        request=headers(source.request_mutations, "request_mutations"),
        response=headers(source.response_mutations, "response_mutations"),
        request_trailers=headers(source.request_trailers_mutations, "request_trailers_mutations"),
        response_trailers=headers(
            source.response_trailers_mutations, "response_trailers_mutations"
        ),
        query=[
            _query_mutation(ctx, mutation, f"{at}.query_parameter_mutations[{index}]")
            for index, mutation in enumerate(source.query_parameter_mutations)
        ],
    )


def _query_mutation(ctx: CompileContext, source: KeyValueMutation, at: str) -> QueryMutation:
    if not source.HasField("append"):
        if not source.remove:
            ctx.error(at, "One of 'append'/'remove' must be specified.")
        return QueryMutation(name=source.remove)
    if source.remove:
        ctx.error(at, "Only one of 'append'/'remove can be specified.")
    record = source.append.record
    if not source.append.HasField("record"):
        ctx.error(f"{at}.append", "No record specified for append mutation.")
    elif record.value.WhichOneof("kind") != "string_value":
        ctx.error(f"{at}.append.record", "Only string value is allowed for record value.")
    where = f"{at}.append.record.value"
    return QueryMutation(
        name=record.key,
        value=compile_format(ctx, record.value.string_value, where, omit_empty=True),
        action=cast("AppendAction", source.append.action),
    )


EXTENSION = HttpExtension(
    "envoy.filters.http.header_mutation",
    f"{_PACKAGE}.HeaderMutation",
    compile_header_mutation,
    SUPPORT,
    Override(f"{_PACKAGE}.HeaderMutationPerRoute", compile_header_mutation_override),
)
