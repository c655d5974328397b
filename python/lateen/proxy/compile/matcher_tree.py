"""Matcher trees over what is known of a connection or of a request.

Source: xds/type/matcher/v3/matcher.proto, ip.proto, domain.proto;
envoy/extensions/matching/common_inputs/network/v3/network_inputs.proto, ssl/v3/ssl_inputs.proto;
envoy/type/matcher/v3/http_inputs.proto; which inputs each knows as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import MatchInput
from lateen.proxy.compile.address import compile_cidrs
from lateen.proxy.compile.cel_matcher import CEL_MATCHER, check_attributes, compile_cel_matcher
from lateen.proxy.compile.matchers import compile_string

if TYPE_CHECKING:
    from envoy.config.core.v3.address_pb2 import CidrRange
    from envoy.extensions.matching.common_inputs.network.v3 import network_inputs_pb2 as network
    from envoy.type.matcher.v3.http_inputs_pb2 import HttpRequestHeaderMatchInput
    from xds.core.v3.extension_pb2 import TypedExtensionConfig
    from xds.type.matcher.v3 import matcher_pb2 as xds
    from xds.type.matcher.v3.domain_pb2 import ServerNameMatcher
    from xds.type.matcher.v3.ip_pb2 import IPMatcher

    from lateen.proxy.compile.context import CompileContext

_INPUTS = "envoy.extensions.matching.common_inputs.network.v3"
_MATCHER = "xds.type.matcher.v3.Matcher"
_KINDS = {
    f"{_INPUTS}.DestinationIPInput": MatchInput.DESTINATION_IP,
    f"{_INPUTS}.DestinationPortInput": MatchInput.DESTINATION_PORT,
    f"{_INPUTS}.SourceIPInput": MatchInput.SOURCE_IP,
    f"{_INPUTS}.SourcePortInput": MatchInput.SOURCE_PORT,
    f"{_INPUTS}.DirectSourceIPInput": MatchInput.DIRECT_SOURCE_IP,
    f"{_INPUTS}.SourceTypeInput": MatchInput.SOURCE_TYPE,
    f"{_INPUTS}.ServerNameInput": MatchInput.SERVER_NAME,
    f"{_INPUTS}.TransportProtocolInput": MatchInput.TRANSPORT_PROTOCOL,
    f"{_INPUTS}.ApplicationProtocolInput": MatchInput.APPLICATION_PROTOCOL,
}
_SSL_INPUTS = "envoy.extensions.matching.common_inputs.ssl.v3"
_OF_REQUESTS = (
    f"{_INPUTS}.DestinationIPInput",
    f"{_INPUTS}.DestinationPortInput",
    f"{_INPUTS}.SourceIPInput",
    f"{_INPUTS}.SourcePortInput",
    f"{_INPUTS}.DirectSourceIPInput",
    f"{_INPUTS}.ServerNameInput",
)
_SSL_KINDS = {
    f"{_SSL_INPUTS}.UriSanInput": MatchInput.URI_SAN,
    f"{_SSL_INPUTS}.DnsSanInput": MatchInput.DNS_SAN,
    f"{_SSL_INPUTS}.SubjectInput": MatchInput.SUBJECT,
}
_REQUEST_KINDS = {name: _KINDS[name] for name in _OF_REQUESTS} | _SSL_KINDS
_HEADER = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
_FILTER_STATE = f"{_INPUTS}.FilterStateInput"
_METADATA = f"{_INPUTS}.DynamicMetadataInput"
_RANGES = "xds.type.matcher.v3.IPMatcher"
_DOMAINS = "xds.type.matcher.v3.ServerNameMatcher"
_ADDRESS_INPUTS = (
    MatchInput.DESTINATION_IP,
    MatchInput.SOURCE_IP,
    MatchInput.DIRECT_SOURCE_IP,
)

SUPPORT = (
    Fields(_MATCHER, implemented="matcher_list matcher_tree on_no_match"),
    Fields(
        f"{_MATCHER}.OnMatch",
        implemented="matcher action",
        rejected={"keep_matching": "one action is taken"},
    ),
    whole(f"{_MATCHER}.MatcherList"),
    whole(f"{_MATCHER}.MatcherList.FieldMatcher"),
    whole(f"{_MATCHER}.MatcherList.Predicate"),
    whole(f"{_MATCHER}.MatcherList.Predicate.PredicateList"),
    whole(f"{_MATCHER}.MatcherList.Predicate.SinglePredicate"),
    whole(f"{_MATCHER}.MatcherTree"),
    whole(f"{_MATCHER}.MatcherTree.MatchMap"),
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
    *(whole(name, category="envoy.matching.network.input") for name in _KINDS),
    Fields(
        _FILTER_STATE,
        implemented="key",
        rejected={"field": "objects of filter state are texts here"},
        category="envoy.matching.network.input",
    ),
    whole(_METADATA, category="envoy.matching.network.input"),
    whole(_HEADER, category="envoy.matching.http.input"),
    *(whole(name, category="envoy.matching.http.input") for name in _SSL_KINDS),
    whole(f"{_METADATA}.PathSegment"),
    whole("google.protobuf.StringValue", category="envoy.matching.action"),
)

# Makes the action of an extension's configuration; None when it cannot.
CompileAction = Callable[
    ["CompileContext", "TypedExtensionConfig", str], worker_pb2.MatchAction | None
]


def compile_matcher(
    ctx: CompileContext,
    source: xds.Matcher,
    action: CompileAction,
    at: str,
    *,
    requests: bool = False,
) -> worker_pb2.Matcher:
    """A tree; `action` makes what it ends with.

    Args:
        requests: it is asked about requests, not connections: there are other inputs.
    """
    return _Compiler(ctx, action, requests=requests).matcher(source, at)


class _Compiler:
    def __init__(self, ctx: CompileContext, action: CompileAction, *, requests: bool) -> None:
        self._ctx = ctx
        self._action = action
        self._requests = requests
        self._kinds = _REQUEST_KINDS if requests else _KINDS

    def matcher(self, source: xds.Matcher, at: str) -> worker_pb2.Matcher:
        compiled = worker_pb2.Matcher()
        kind = source.WhichOneof("matcher_type")
        if kind == "matcher_list":
            for index, field in enumerate(source.matcher_list.matchers):
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

    def _on_match(self, source: xds.Matcher.OnMatch, at: str) -> worker_pb2.OnMatch:
        if source.WhichOneof("on_match") == "matcher":
            return worker_pb2.OnMatch(matcher=self.matcher(source.matcher, f"{at}.matcher"))
        action = self._action(self._ctx, source.action, f"{at}.action")
        return worker_pb2.OnMatch(action=action)

    def _input(self, source: TypedExtensionConfig, at: str) -> MatchInput:
        message = self._ctx.unpack(source.typed_config)
        if message is None:
            return MatchInput()
        name = message.DESCRIPTOR.full_name
        if name == _FILTER_STATE:
            state = cast("network.FilterStateInput", message)
            return MatchInput(kind=MatchInput.FILTER_STATE, path=[state.key])
        if name == _METADATA:
            metadata = cast("network.DynamicMetadataInput", message)
            path = [metadata.filter, *(segment.key for segment in metadata.path)]
            return MatchInput(kind=MatchInput.DYNAMIC_METADATA, path=path)
        if name == _HEADER and self._requests:
            header = cast("HttpRequestHeaderMatchInput", message)
            return MatchInput(kind=MatchInput.REQUEST_HEADER, path=[header.header_name.lower()])
        if name not in self._kinds:
            self._ctx.unimplemented(at, f"matching input {name}", ", ".join(sorted(self._kinds)))
            return MatchInput()
        return MatchInput(kind=self._kinds[name])

    def _predicate(
        self, source: xds.Matcher.MatcherList.Predicate, at: str
    ) -> worker_pb2.MatchPredicate:
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
        self, predicates: Iterable[xds.Matcher.MatcherList.Predicate], at: str
    ) -> list[worker_pb2.MatchPredicate]:
        return [self._predicate(one, f"{at}.predicate[{i}]") for i, one in enumerate(predicates)]

    def _single(
        self, source: xds.Matcher.MatcherList.Predicate.SinglePredicate, at: str
    ) -> worker_pb2.MatchPredicate.Single:
        if source.WhichOneof("matcher") == "value_match":
            value_at = f"{at}.value_match"
            return worker_pb2.MatchPredicate.Single(
                input=self._input(source.input, f"{at}.input"),
                string=compile_string(self._ctx, source.value_match, value_at),
            )
        where = f"{at}.custom_match"
        message = self._ctx.unpack(source.custom_match.typed_config)
        what = message.DESCRIPTOR.full_name if message else source.custom_match.name
        if message is not None and what == CEL_MATCHER:
            check_attributes(self._ctx, source.input, f"{at}.input", requests=self._requests)
            expression = compile_cel_matcher(self._ctx, message, f"{where}.typed_config")
            return worker_pb2.MatchPredicate.Single(expression=expression)
        self._ctx.unimplemented(where, f"custom matcher {what}", f"value_match, {CEL_MATCHER}")
        return worker_pb2.MatchPredicate.Single()

    def _tree(self, source: xds.Matcher.MatcherTree, at: str) -> worker_pb2.MatcherTree:
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
