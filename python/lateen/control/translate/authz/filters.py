"""The filters that judge calls of a workload: for AUDIT, DENY and ALLOW, in this order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lateen.control.resources.authorization_policy import Action, AuthorizationPolicy
from lateen.control.resources.meta import Resource
from lateen.control.translate import api
from lateen.control.translate.authz.matching import NotExpressible
from lateen.control.translate.authz.rule import Translation, UnknownAttribute
from lateen.control.translate.authz.trust import TrustDomains

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_components_pb2 import Filter
    from envoy.config.rbac.v3.rbac_pb2 import RBAC, Policy
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )

Policies = Sequence[Resource[AuthorizationPolicy]]

_ORDER: tuple[Action, ...] = ("AUDIT", "DENY", "ALLOW")
_DRY_RUN = "istio.io/dry-run"
_TRUE = frozenset(("1", "t", "T", "true", "TRUE", "True"))
_SHADOW_PREFIX = {"ALLOW": "istio_dry_run_allow_", "DENY": "istio_dry_run_deny_"}


def http_filters(
    policies: Policies, trust_domains: TrustDomains, *, of_tcp: bool = False
) -> list[hcm.HttpFilter]:
    """The HTTP filters of the policies that select a workload.

    Args:
        policies: in the order of their age.
        trust_domains: of the mesh.
        of_tcp: only what can be judged of connections, where the rest is judged elsewhere.
    """
    found = []
    for rules, shadow, prefix in _judgements(policies, trust_domains, for_tcp=of_tcp):
        rbac = api.HttpRbac(rules=rules, shadow_rules=shadow, shadow_rules_stat_prefix=prefix)
        made = api.HttpFilter(name="envoy.filters.http.rbac", typed_config=api.packed(rbac))
        found.append(made)
    return found


def network_filters(policies: Policies, trust_domains: TrustDomains) -> list[Filter]:
    """The network filters of the policies that select a workload, for ports that are no HTTP."""
    found = []
    for rules, shadow, prefix in _judgements(policies, trust_domains, for_tcp=True):
        rbac = api.NetworkRbac(
            rules=rules,
            shadow_rules=shadow,
            shadow_rules_stat_prefix=prefix,
            stat_prefix="tcp.",
        )
        made = api.NetworkFilter(name="envoy.filters.network.rbac", typed_config=api.packed(rbac))
        found.append(made)
    return found


def _judgements(
    policies: Policies, trust_domains: TrustDomains, *, for_tcp: bool
) -> Iterable[tuple[RBAC | None, RBAC | None, str]]:
    """For each action with policies: rules, rules that are only tried, and the latter's prefix."""
    for action in _ORDER:
        of_action = [policy for policy in policies if policy.spec.action == action]
        if not of_action:
            continue
        tried = [policy for policy in of_action if is_dry_run(policy)]
        enforced = [policy for policy in of_action if not is_dry_run(policy)]
        shadow = rules_of(tried, action, trust_domains, for_tcp) if tried else None
        rules = rules_of(enforced, action, trust_domains, for_tcp) if enforced else None
        # The action of no rules is that of an empty message.
        yield rules, shadow, _SHADOW_PREFIX.get(action if tried else "ALLOW", "")


def is_dry_run(policy: Resource[AuthorizationPolicy]) -> bool:
    """Whether a policy is only tried: what it would decide is counted."""
    return policy.annotations.get(_DRY_RUN, "") in _TRUE


def rules_of(
    policies: Policies, action: Action, trust_domains: TrustDomains, for_tcp: bool
) -> RBAC:
    """The rules of policies of one action, by policy and number; those of CUSTOM are only tried."""
    actions = {"ALLOW": api.Rbac.ALLOW, "AUDIT": api.Rbac.LOG}
    rbac = api.Rbac(action=actions.get(action, api.Rbac.DENY))
    for policy in policies:
        scope = Translation(policy.namespace, trust_domains, for_tcp, action == "ALLOW")
        if not policy.spec.rules:
            rbac.policies[_name(policy, 0)].CopyFrom(_never())
        for index, rule in enumerate(policy.spec.rules):
            try:
                translated = scope.policy(rule)
            except (NotExpressible, UnknownAttribute):
                continue
            rbac.policies[_name(policy, index)].CopyFrom(translated)
    return rbac


def _name(policy: Resource[AuthorizationPolicy], rule: int) -> str:
    return f"ns[{policy.namespace}]-policy[{policy.name}]-rule[{rule}]"


def _never() -> Policy:
    """Matches no call."""
    nothing = api.Permission(not_rule=api.Permission(any=True))
    nobody = api.Principal(not_id=api.Principal(any=True))
    return api.Policy(permissions=[nothing], principals=[nobody])
