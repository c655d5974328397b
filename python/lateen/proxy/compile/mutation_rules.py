"""Removals and additions of headers, one after the other.

Source: envoy/config/common/mutation_rules/v3/mutation_rules.proto.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import HeaderMutation
from lateen.proxy.compile.headers import compile_option
from lateen.proxy.compile.matchers import compile_string

if TYPE_CHECKING:
    from envoy.config.common.mutation_rules.v3 import mutation_rules_pb2 as rules

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    whole("envoy.config.common.mutation_rules.v3.HeaderMutation"),
    whole("envoy.config.common.mutation_rules.v3.HeaderMutation.RemoveOnMatch"),
)


def compile_header_mutations(
    ctx: CompileContext, mutations: Iterable[rules.HeaderMutation], at: str
) -> list[HeaderMutation]:
    """Changes to headers, in order."""
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
