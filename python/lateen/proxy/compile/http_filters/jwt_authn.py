"""envoy.filters.http.jwt_authn

Source: envoy/extensions/filters/http/jwt_authn/v3/config.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import (
    FilterOverride,
    HttpFilter,
    JwtAuthnFilter,
    JwtOfRoute,
    JwtRequirement,
    JwtRule,
    NamedJwtRequirement,
)
from lateen.proxy.compile import jwt_providers
from lateen.proxy.compile.jwt_providers import compile_provider
from lateen.proxy.compile.registry import HttpExtension, Override
from lateen.proxy.compile.route_match import compile_route_match
from lateen.proxy.compile.stats_blocks import BlockKind

if TYPE_CHECKING:
    from envoy.extensions.filters.http.jwt_authn.v3 import config_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_PACKAGE = "envoy.extensions.filters.http.jwt_authn.v3"
_UNREAD = "Envoy does not look at it in rules of this filter"

SUPPORT = (
    whole(f"{_PACKAGE}.JwtAuthentication", category="envoy.filters.http"),
    whole(f"{_PACKAGE}.PerRouteConfig", category="envoy.filters.http"),
    Fields(
        f"{_PACKAGE}.RequirementRule",
        implemented="match requires requirement_name",
        within={
            "match": Fields(
                "envoy.config.route.v3.RouteMatch",
                implemented="""
                    prefix path safe_regex connect_matcher path_separated_prefix
                    path_match_policy case_sensitive headers query_parameters
                """,
                harmless=dict.fromkeys(
                    ("runtime_fraction", "grpc", "tls_context", "cookies"), _UNREAD
                ),
            )
        },
    ),
    whole(f"{_PACKAGE}.FilterStateRule"),
    whole(f"{_PACKAGE}.JwtRequirement"),
    whole(f"{_PACKAGE}.JwtRequirementOrList"),
    whole(f"{_PACKAGE}.JwtRequirementAndList"),
    whole(f"{_PACKAGE}.ProviderWithAudiences"),
    whole(f"{_PACKAGE}.ExtractOnlyWithoutValidation"),
    *jwt_providers.SUPPORT,
)

_FAILURE_HEADER = "x-jwt-signature-verified"


def compile_jwt_authn(
    ctx: CompileContext, message: Message, owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter that asks requests for JSON web tokens."""
    config: envoy.JwtAuthentication = message  # type: ignore[assignment]
    prefix = f"jwt_authn.{config.stat_prefix}".removesuffix(".")
    requirements = _Requirements(ctx, config)
    compiled = JwtAuthnFilter(
        stats_block=owner.block(ctx.blocks, BlockKind.JWT_AUTHN, prefix),
        providers=[
            compile_provider(ctx, name, config.providers[name], f'{at}.providers["{name}"]')
            for name in sorted(config.providers)
        ],
        rules=[
            requirements.of_rule(rule, f"{at}.rules[{index}]")
            for index, rule in enumerate(config.rules)
        ],
        requirements=requirements.named(config.requirement_map, f"{at}.requirement_map"),
        bypass_cors_preflight=config.bypass_cors_preflight,
        strip_failure_response=config.strip_failure_response,
    )
    if config.HasField("filter_state_rules"):
        chosen = config.filter_state_rules
        compiled.filter_state_key = chosen.name
        where = f"{at}.filter_state_rules.requires"
        compiled.filter_state_requirements.extend(requirements.named(chosen.requires, where))
    return HttpFilter(jwt_authn=compiled)


def compile_jwt_authn_override(
    _ctx: CompileContext, message: Message, out: FilterOverride, _at: str
) -> None:
    """What a route requires in place of what the rules say."""
    config: envoy.PerRouteConfig = message  # type: ignore[assignment]
    out.jwt_authn.CopyFrom(
        JwtOfRoute(disabled=config.disabled, requirement=config.requirement_name)
    )


@dataclass(frozen=True)
class _Requirements:
    """Compiles the requirements of one filter."""

    ctx: CompileContext
    config: envoy.JwtAuthentication

    def of_rule(self, rule: envoy.RequirementRule, at: str) -> JwtRule:
        """A rule, for requests that it matches by what Envoy looks at."""
        match = compile_route_match(self.ctx, rule.match, f"{at}.match")
        for unread in ("runtime_fraction", "grpc", "tls_presented", "tls_validated", "cookies"):
            match.ClearField(unread)
        kind = rule.WhichOneof("requirement_type")
        if kind == "requires":
            return JwtRule(match=match, requirement=self._one(rule.requires, f"{at}.requires"))
        if kind == "requirement_name":
            name, known = rule.requirement_name, self.config.requirement_map
            if name in known:
                where = f'requirement_map["{name}"]'
                return JwtRule(match=match, requirement=self._one(known[name], where))
            names = ",".join(sorted(known))
            reason = f"Wrong requirement_name: {name}. It should be one of [{names}]"
            self.ctx.error(f"{at}.requirement_name", reason)
        return JwtRule(match=match)

    def named(
        self, requirements: Mapping[str, envoy.JwtRequirement], at: str
    ) -> list[NamedJwtRequirement]:
        """Requirements by their names, in the order of these."""
        return [
            NamedJwtRequirement(
                name=name, requirement=self._one(requirements[name], f'{at}["{name}"]')
            )
            for name in sorted(requirements)
        ]

    def _one(self, requirement: envoy.JwtRequirement, at: str) -> JwtRequirement:
        kind = requirement.WhichOneof("requires_type")
        compiled = JwtRequirement()
        match kind:
            case "provider_name":
                self._check_provider(requirement.provider_name, f"{at}.{kind}")
                compiled.provider.name = requirement.provider_name
            case "provider_and_audiences":
                given = requirement.provider_and_audiences
                self._check_provider(given.provider_name, f"{at}.{kind}.provider_name")
                compiled.provider.name = given.provider_name
                compiled.provider.audiences.extend(given.audiences)
            case "requires_any":
                return self._any(requirement.requires_any, f"{at}.{kind}.requirements")
            case "requires_all":
                compiled.all.requirements.extend(
                    self._one(each, f"{at}.{kind}.requirements[{index}]")
                    for index, each in enumerate(requirement.requires_all.requirements)
                )
            case "allow_missing":
                compiled.of_any_provider.SetInParent()
            case "allow_missing_or_failed":
                compiled.of_any_provider.allow_failed = True
            case "extract_only_without_validation":
                header = requirement.extract_only_without_validation.verification_status_header
                compiled.of_any_provider.allow_failed = True
                compiled.of_any_provider.failure_header = header.lower() or _FAILURE_HEADER
        return compiled

    def _any(self, given: envoy.JwtRequirementOrList, at: str) -> JwtRequirement:
        """What may be missing or fail is no requirement of its own beside others."""
        compiled = JwtRequirement()
        several = compiled.any
        for index, each in enumerate(given.requirements):
            match each.WhichOneof("requires_type"):
                case "allow_missing":
                    several.allow_missing = True
                case "allow_missing_or_failed":
                    several.allow_failed = True
                case _:
                    several.requirements.append(self._one(each, f"{at}[{index}]"))
        if not several.requirements and (several.allow_missing or several.allow_failed):
            allow_failed = several.allow_failed
            compiled.of_any_provider.allow_failed = allow_failed
        return compiled

    def _check_provider(self, name: str, at: str) -> None:
        if name not in self.config.providers:
            self.ctx.error(at, f"Required provider ['{name}'] is not configured.")


EXTENSION = HttpExtension(
    "envoy.filters.http.jwt_authn",
    f"{_PACKAGE}.JwtAuthentication",
    compile_jwt_authn,
    SUPPORT,
    Override(f"{_PACKAGE}.PerRouteConfig", compile_jwt_authn_override),
)
