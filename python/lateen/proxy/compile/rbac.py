"""Policies of role based access control, for connections and for requests.

Source: envoy/config/rbac/v3/rbac.proto.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import (
    Cidrs,
    Expression,
    Int64Range,
    MatchAction,
    RbacAction,
    RbacPolicy,
    RbacRule,
    RbacRules,
)
from lateen.proxy.compile.address import compile_cidrs
from lateen.proxy.compile.expressions import compile_tree
from lateen.proxy.compile.match_inputs import Asked
from lateen.proxy.compile.matcher_tree import compile_matcher
from lateen.proxy.compile.matchers import compile_header, compile_string
from lateen.proxy.compile.metadata_value import METADATA_MATCHER, compile_metadata_matcher

if TYPE_CHECKING:
    from envoy.config.core.v3.address_pb2 import CidrRange
    from envoy.config.rbac.v3 import rbac_pb2 as envoy
    from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC as HttpRbac
    from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC as NetworkRbac
    from envoy.type.matcher.v3.filter_state_pb2 import FilterStateMatcher
    from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
    from xds.type.matcher.v3.matcher_pb2 import Matcher

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.matcher_tree import TypedExtensionConfig

    RbacFilter = HttpRbac | NetworkRbac

_PACKAGE = "envoy.config.rbac.v3"

SUPPORT = (
    Fields(f"{_PACKAGE}.RBAC", implemented="action policies"),
    Fields(
        f"{_PACKAGE}.Policy",
        implemented="permissions principals condition checked_condition cel_config",
    ),
    Fields(
        f"{_PACKAGE}.Permission",
        implemented="""
            and_rules or_rules any header url_path destination_ip destination_port
            destination_port_range metadata not_rule requested_server_name sourced_metadata
        """,
        within={"metadata": METADATA_MATCHER},
    ),
    whole(f"{_PACKAGE}.Permission.Set"),
    Fields(
        f"{_PACKAGE}.Principal",
        implemented="""
            and_ids or_ids any authenticated source_ip direct_remote_ip remote_ip header url_path
            metadata filter_state not_id sourced_metadata
        """,
        within={"metadata": METADATA_MATCHER},
    ),
    whole(f"{_PACKAGE}.Principal.Set"),
    whole(f"{_PACKAGE}.Principal.Authenticated"),
    Fields(
        f"{_PACKAGE}.SourcedMetadata",
        implemented="metadata_matcher metadata_source",
        within={"metadata_matcher": METADATA_MATCHER},
    ),
    whole(f"{_PACKAGE}.Action", category="envoy.rbac.matchers"),
    whole("envoy.type.matcher.v3.PathMatcher"),
    whole("envoy.type.matcher.v3.FilterStateMatcher"),
    whole("envoy.type.matcher.v3.AddressMatcher"),
)

_OF_ROUTE = 1


def compile_filter_rules(
    ctx: CompileContext, config: RbacFilter, at: str, *, requests: bool
) -> tuple[RbacRules | None, RbacRules | None]:
    """What a filter enforces, and what it asks to see what would happen.

    Args:
        requests: it judges requests, not connections.
    """
    rules = shadow_rules = None
    if config.HasField("matcher"):
        where = f"{at}.matcher"
        rules = _compile_rules_matcher(ctx, config.matcher, where, requests=requests)
    elif config.HasField("rules"):
        rules = compile_rules(ctx, config.rules, f"{at}.rules", requests=requests)
    if config.HasField("shadow_matcher"):
        where = f"{at}.shadow_matcher"
        shadow_rules = _compile_rules_matcher(ctx, config.shadow_matcher, where, requests=requests)
    elif config.HasField("shadow_rules"):
        where = f"{at}.shadow_rules"
        shadow_rules = compile_rules(ctx, config.shadow_rules, where, requests=requests)
    return rules, shadow_rules


def compile_rules(ctx: CompileContext, source: envoy.RBAC, at: str, *, requests: bool) -> RbacRules:
    """Policies in the order of their names.

    Args:
        requests: they are about requests; rules about headers are an error if not.
    """
    compiler = _Compiler(ctx, headers=requests)
    policies = [
        compiler.policy(name, source.policies[name], f"{at}.policies[{name}]")
        for name in sorted(source.policies)
    ]
    return RbacRules(action=cast("RbacAction", source.action), policies=policies)


def _compile_rules_matcher(
    ctx: CompileContext, source: Matcher, at: str, *, requests: bool
) -> RbacRules:
    """The tree whose actions say what happens."""
    asked = Asked.REQUEST if requests else Asked.CONNECTION
    return RbacRules(matcher=compile_matcher(ctx, source, _action, asked, at))


def _action(ctx: CompileContext, source: TypedExtensionConfig, at: str) -> MatchAction | None:
    message = ctx.unpack(source.typed_config)
    name = message.DESCRIPTOR.full_name if message else "(unknown)"
    if name != f"{_PACKAGE}.Action":
        ctx.unimplemented(at, f"action {name}", f"{_PACKAGE}.Action")
        return None
    action = cast("envoy.Action", message)
    return MatchAction(name=action.name, rbac=cast("RbacAction", action.action))


class _Compiler:
    def __init__(self, ctx: CompileContext, *, headers: bool) -> None:
        self._ctx = ctx
        self._headers = headers

    def policy(self, name: str, source: envoy.Policy, at: str) -> RbacPolicy:
        return RbacPolicy(
            name=name,
            permissions=self._permissions(source.permissions, f"{at}.permissions"),
            principals=self._principals(source.principals, f"{at}.principals"),
            condition=self._condition(source, at),
        )

    def _condition(self, source: envoy.Policy, at: str) -> Expression | None:
        """What must hold besides; `checked_condition` counts without `condition`."""
        config = source.cel_config
        if source.HasField("condition"):
            return compile_tree(self._ctx, source.condition, f"{at}.condition", config)
        if source.HasField("checked_condition"):
            expr = source.checked_condition.expr
            return compile_tree(self._ctx, expr, f"{at}.checked_condition.expr", config)
        return None

    def _permissions(self, sources: Sequence[envoy.Permission], at: str) -> list[RbacRule]:
        return [self._permission(source, f"{at}[{i}]") for i, source in enumerate(sources)]

    def _principals(self, sources: Sequence[envoy.Principal], at: str) -> list[RbacRule]:
        return [self._principal(source, f"{at}[{i}]") for i, source in enumerate(sources)]

    def _permission(self, source: envoy.Permission, at: str) -> RbacRule:
        kind = source.WhichOneof("rule")
        where = f"{at}.{kind}"
        if kind == "and_rules":
            return _joined("and", self._permissions(source.and_rules.rules, f"{where}.rules"))
        if kind == "or_rules":
            return _joined("or", self._permissions(source.or_rules.rules, f"{where}.rules"))
        if kind == "not_rule":
            return _inverted(self._permission(source.not_rule, where))
        if kind == "destination_ip":
            return self._cidr("destination_ip", source.destination_ip, where)
        if kind == "destination_port":
            port = source.destination_port
            return RbacRule(destination_port=Int64Range(start=port, end=port + 1))
        if kind == "destination_port_range":
            ports = source.destination_port_range
            return RbacRule(destination_port=Int64Range(start=ports.start, end=ports.end))
        if kind == "requested_server_name":
            name = compile_string(self._ctx, source.requested_server_name, where)
            return RbacRule(requested_server_name=name)
        return self._common(source, kind or "", where)

    def _principal(self, source: envoy.Principal, at: str) -> RbacRule:
        kind = source.WhichOneof("identifier")
        where = f"{at}.{kind}"
        if kind == "and_ids":
            return _joined("and", self._principals(source.and_ids.ids, f"{where}.ids"))
        if kind == "or_ids":
            return _joined("or", self._principals(source.or_ids.ids, f"{where}.ids"))
        if kind == "not_id":
            return _inverted(self._principal(source.not_id, where))
        if kind == "authenticated":
            compiled = RbacRule.Authenticated()
            if source.authenticated.HasField("principal_name"):
                name = source.authenticated.principal_name
                name_at = f"{where}.principal_name"
                compiled.principal_name.CopyFrom(compile_string(self._ctx, name, name_at))
            return RbacRule(authenticated=compiled)
        if kind == "source_ip":
            return self._cidr("connection_ip", source.source_ip, where)
        if kind == "direct_remote_ip":
            return self._cidr("direct_remote_ip", source.direct_remote_ip, where)
        if kind == "remote_ip":
            return self._cidr("remote_ip", source.remote_ip, where)
        if kind == "filter_state":
            return self._filter_state(source.filter_state, where)
        return self._common(source, kind or "", where)

    def _common(self, source: envoy.Permission | envoy.Principal, kind: str, at: str) -> RbacRule:
        """What both can ask."""
        if kind == "header":
            if not self._headers:
                reason = (
                    f'Found header(name: "{source.header.name}") rule,not supported by RBAC network'
                    " filter"
                )
                self._ctx.error(at, reason)
            return RbacRule(header=compile_header(self._ctx, source.header, at))
        if kind == "url_path":
            path = compile_string(self._ctx, source.url_path.path, f"{at}.path")
            return RbacRule(url_path=path)
        if kind == "metadata":
            return self._metadata(source.metadata, at, of_route=False)
        if kind == "sourced_metadata":
            of_route = source.sourced_metadata.metadata_source == _OF_ROUTE
            where = f"{at}.metadata_matcher"
            matcher = source.sourced_metadata.metadata_matcher
            return self._metadata(matcher, where, of_route=of_route)
        return RbacRule(any=kind == "any" and source.any)

    def _metadata(self, source: MetadataMatcher, at: str, *, of_route: bool) -> RbacRule:
        return RbacRule(
            metadata=RbacRule.Metadata(
                matcher=compile_metadata_matcher(self._ctx, source, at), of_route=of_route
            )
        )

    def _filter_state(self, source: FilterStateMatcher, at: str) -> RbacRule:
        compiled = RbacRule.FilterState(key=source.key)
        if source.WhichOneof("matcher") == "string_match":
            text = compile_string(self._ctx, source.string_match, f"{at}.string_match")
            compiled.string.CopyFrom(text)
        else:
            cidrs = cast("Sequence[CidrRange]", source.address_match.ranges)
            ranges = compile_cidrs(self._ctx, cidrs, f"{at}.address_match.ranges")
            compiled.ranges.CopyFrom(Cidrs(ranges=ranges))
            compiled.invert = source.address_match.invert_match
        return RbacRule(filter_state=compiled)

    def _cidr(self, field: str, source: CidrRange, at: str) -> RbacRule:
        compiled = RbacRule()
        for cidr in compile_cidrs(self._ctx, [source], at):
            getattr(compiled, field).CopyFrom(cidr)
        return compiled


def _joined(how: str, rules: list[RbacRule]) -> RbacRule:
    compiled = RbacRule()
    getattr(compiled, how).rules.extend(rules)
    return compiled


def _inverted(rule: RbacRule) -> RbacRule:
    compiled = RbacRule()
    getattr(compiled, "not").CopyFrom(rule)
    return compiled
