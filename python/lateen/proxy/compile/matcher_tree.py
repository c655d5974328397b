"""Matcher trees over what is known of a connection, or of a request and its response.

Source: xds/type/matcher/v3/matcher.proto, ip.proto, domain.proto;
envoy/config/common/matcher/v3/matcher.proto, which says the same in other words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import MatchInput
from lateen.proxy.compile.address import compile_cidrs
from lateen.proxy.compile.cel_matcher import (
    check_attributes,
    compile_cel_matcher,
    is_cel_matcher,
)
from lateen.proxy.compile.input_matchers import compile_input_matcher
from lateen.proxy.compile.match_inputs import Asked, compile_input
from lateen.proxy.compile.matchers import compile_string

if TYPE_CHECKING:
    from envoy.config.common.matcher.v3 import matcher_pb2 as envoy
    from envoy.config.core.v3.address_pb2 import CidrRange
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig as EnvoyExtension
    from xds.core.v3.extension_pb2 import TypedExtensionConfig as XdsExtension
    from xds.type.matcher.v3 import matcher_pb2 as xds
    from xds.type.matcher.v3.domain_pb2 import ServerNameMatcher
    from xds.type.matcher.v3.ip_pb2 import IPMatcher

    from lateen.proxy.compile.context import CompileContext

    TypedExtensionConfig = XdsExtension | EnvoyExtension
    Matcher = xds.Matcher | envoy.Matcher
    OnMatch = xds.Matcher.OnMatch | envoy.Matcher.OnMatch
    FieldMatcher = xds.Matcher.MatcherList.FieldMatcher | envoy.Matcher.MatcherList.FieldMatcher
    Predicate = xds.Matcher.MatcherList.Predicate | envoy.Matcher.MatcherList.Predicate
    Single = (
        xds.Matcher.MatcherList.Predicate.SinglePredicate
        | envoy.Matcher.MatcherList.Predicate.SinglePredicate
    )
    Tree = xds.Matcher.MatcherTree | envoy.Matcher.MatcherTree

_MATCHER = "xds.type.matcher.v3.Matcher"
_ENVOY_MATCHER = "envoy.config.common.matcher.v3.Matcher"
_RANGES = "xds.type.matcher.v3.IPMatcher"
_DOMAINS = "xds.type.matcher.v3.ServerNameMatcher"
_ADDRESS_INPUTS = (
    MatchInput.DESTINATION_IP,
    MatchInput.SOURCE_IP,
    MatchInput.DIRECT_SOURCE_IP,
)
_PARTS = (
    "",
    ".OnMatch",
    ".MatcherList",
    ".MatcherList.FieldMatcher",
    ".MatcherList.Predicate",
    ".MatcherList.Predicate.PredicateList",
    ".MatcherList.Predicate.SinglePredicate",
    ".MatcherTree",
    ".MatcherTree.MatchMap",
)

SUPPORT = (
    *(whole(f"{matcher}{part}") for matcher in (_MATCHER, _ENVOY_MATCHER) for part in _PARTS),
    whole("xds.core.v3.TypedExtensionConfig"),
    whole("xds.core.v3.CidrRange"),
    Fields(
        "xds.type.matcher.v3.StringMatcher",
        implemented="exact prefix suffix safe_regex contains ignore_case",
    ),
    Fields(
        "xds.type.matcher.v3.RegexMatcher",
        implemented="regex",
        harmless={"google_re2": "a pattern is limited by the size of its program"},
    ),
    whole(_RANGES, category="envoy.matching.network.custom_matchers"),
    whole(f"{_RANGES}.IPRangeMatcher"),
    whole(_DOMAINS, category="envoy.matching.network.custom_matchers"),
    whole(f"{_DOMAINS}.DomainMatcher"),
    whole("google.protobuf.StringValue", category="envoy.matching.action"),
)

# Makes the action of an extension's configuration; None when it cannot.
CompileAction = Callable[
    ["CompileContext", "TypedExtensionConfig", str], worker_pb2.MatchAction | None
]


def compile_matcher(
    ctx: CompileContext,
    source: Matcher,
    action: CompileAction,
    asked: Asked,
    at: str,
) -> worker_pb2.Matcher:
    """A tree; `action` makes what it ends with.

    Args:
        asked: what the tree is asked about.
    """
    return _Compiler(ctx, action, asked).matcher(source, at)


class _Compiler:
    def __init__(self, ctx: CompileContext, action: CompileAction, asked: Asked) -> None:
        self._ctx = ctx
        self._action = action
        self._asked = asked

    def matcher(self, source: Matcher, at: str) -> worker_pb2.Matcher:
        compiled = worker_pb2.Matcher()
        kind = source.WhichOneof("matcher_type")
        if kind == "matcher_list":
            fields: Iterable[FieldMatcher] = source.matcher_list.matchers
            for index, field in enumerate(fields):
                where = f"{at}.matcher_list.matchers[{index}]"
                compiled.list.matchers.add(
                    predicate=self._predicate(field.predicate, f"{where}.predicate"),
                    on_match=self._on_match(field.on_match, f"{where}.on_match"),
                )
        elif kind == "matcher_tree":
            compiled.tree.CopyFrom(self._tree(source.matcher_tree, f"{at}.matcher_tree"))
        if source.HasField("on_no_match"):
            found = self._on_match(source.on_no_match, f"{at}.on_no_match")
            compiled.on_no_match.CopyFrom(found)
        return compiled

    def _on_match(self, source: OnMatch, at: str) -> worker_pb2.OnMatch:
        if source.keep_matching:
            self._ctx.error(f"{at}.keep_matching", "keep_matching is not supported in this context")
        if source.WhichOneof("on_match") == "matcher":
            return worker_pb2.OnMatch(matcher=self.matcher(source.matcher, f"{at}.matcher"))
        action = self._action(self._ctx, source.action, f"{at}.action")
        return worker_pb2.OnMatch(action=action)

    def _input(self, source: TypedExtensionConfig, at: str) -> MatchInput:
        return compile_input(self._ctx, source, self._asked, at)

    def _predicate(self, source: Predicate, at: str) -> worker_pb2.MatchPredicate:
        kind = source.WhichOneof("match_type")
        compiled = worker_pb2.MatchPredicate()
        if kind == "or_matcher":
            inner = self._predicates(source.or_matcher.predicate, f"{at}.or_matcher")
            getattr(compiled, "or").predicates.extend(inner)
        elif kind == "and_matcher":
            inner = self._predicates(source.and_matcher.predicate, f"{at}.and_matcher")
            getattr(compiled, "and").predicates.extend(inner)
        elif kind == "not_matcher":
            inverted = self._predicate(source.not_matcher, f"{at}.not_matcher")
            getattr(compiled, "not").CopyFrom(inverted)
        else:
            single = self._single(source.single_predicate, f"{at}.single_predicate")
            compiled.single.CopyFrom(single)
        return compiled

    def _predicates(
        self, predicates: Iterable[Predicate], at: str
    ) -> list[worker_pb2.MatchPredicate]:
        return [self._predicate(one, f"{at}.predicate[{i}]") for i, one in enumerate(predicates)]

    def _single(self, source: Single, at: str) -> worker_pb2.MatchPredicate.Single:
        custom = source.custom_match if source.WhichOneof("matcher") == "custom_match" else None
        if custom is not None and is_cel_matcher(self._ctx, custom):
            check_attributes(self._ctx, source.input, f"{at}.input", self._asked)
            expression = compile_cel_matcher(self._ctx, custom, f"{at}.custom_match.typed_config")
            return worker_pb2.MatchPredicate.Single(expression=expression)
        compiled = worker_pb2.MatchPredicate.Single(input=self._input(source.input, f"{at}.input"))
        if custom is None:
            value_at = f"{at}.value_match"
            compiled.string.CopyFrom(compile_string(self._ctx, source.value_match, value_at))
            return compiled
        compile_input_matcher(self._ctx, custom, compiled, f"{at}.custom_match")
        return compiled

    def _tree(self, source: Tree, at: str) -> worker_pb2.MatcherTree:
        compiled = worker_pb2.MatcherTree(input=self._input(source.input, f"{at}.input"))
        kind = source.WhichOneof("tree_type")
        if kind in ("exact_match_map", "prefix_match_map"):
            exact = kind == "exact_match_map"
            entries = (source.exact_match_map if exact else source.prefix_match_map).map
            out = compiled.exact if exact else compiled.prefix
            for key in sorted(entries):
                out.entries.add(
                    key=key, value=self._on_match(entries[key], f"{at}.{kind}.map[{key}]")
                )
        else:
            self._custom(source.custom_match, compiled, f"{at}.custom_match")
        return compiled

    def _custom(self, source: TypedExtensionConfig, out: worker_pb2.MatcherTree, at: str) -> None:
        message = self._ctx.unpack(source.typed_config)
        name = message.DESCRIPTOR.full_name if message else ""
        where = f"{at}.typed_config"
        if name == _RANGES:
            ranges = cast("IPMatcher", message)
            self._ranges(ranges, out, where)
        elif name == _DOMAINS:
            domains = cast("ServerNameMatcher", message)
            for index, domain in enumerate(domains.domain_matchers):
                inner = f"{where}.domain_matchers[{index}].on_match"
                out.domains.entries.add(
                    domains=domain.domains, value=self._on_match(domain.on_match, inner)
                )
        else:
            self._ctx.unimplemented(at, f"custom matcher {name}", f"{_RANGES}, {_DOMAINS}")

    def _ranges(self, source: IPMatcher, out: worker_pb2.MatcherTree, at: str) -> None:
        if out.input.kind not in _ADDRESS_INPUTS:
            self._ctx.error(at, "addresses are matched with an input that is an IP address")
        for index, entry in enumerate(source.range_matchers):
            where = f"{at}.range_matchers[{index}]"
            cidrs = cast("Iterable[CidrRange]", entry.ranges)
            out.ranges.entries.add(
                ranges=compile_cidrs(self._ctx, cidrs, f"{where}.ranges"),
                value=self._on_match(entry.on_match, f"{where}.on_match"),
                exclusive=entry.exclusive,
            )
