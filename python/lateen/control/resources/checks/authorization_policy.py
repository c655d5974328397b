"""What an AuthorizationPolicy must be.

Source: Istio pkg/config/validation/validation.go ValidateAuthorizationPolicy; CRD rules of
istio/api security/v1beta1/authorization_policy.proto.
"""

from __future__ import annotations

from lateen.control.resources.authorization_policy import AuthorizationPolicy, Operation, Rule
from lateen.control.resources.checks.conditions import check_condition
from lateen.control.resources.checks.paths import check_path_template
from lateen.control.resources.checks.policy_values import check_filled, check_ports
from lateen.control.resources.checks.selectors import check_attachment
from lateen.control.resources.checks.sources import (
    CUSTOM_LACKS,
    check_source,
    values_of_source,
)
from lateen.control.resources.field import Field
from lateen.control.resources.meta import Resource

_MOST_RULES = 512
_CUSTOM_LACKS_KEYS = (
    "source.namespace",
    "source.serviceAccount",
    "source.trustDomain",
    "source.principal",
)
_OF_HTTP = ("requestPrincipals", "notRequestPrincipals", "trustDomains", "notTrustDomains")


def check_authorization_policy(resource: Resource[AuthorizationPolicy], at: Field) -> None:
    """Note what is wrong with it."""
    policy = resource.spec
    check_attachment(at, policy)
    _check_action(at, policy)
    if len(policy.rules) > _MOST_RULES:
        (at / "rules").error(f"there are more than {_MOST_RULES} rules", "split the policy")
    for place, rule in (at / "rules").each(policy.rules):
        _check_rule(place, rule)
        if policy.action == "CUSTOM":
            _check_custom(place, rule)
        if policy.action == "DENY" and _denies_all_tcp(rule):
            place.warn(
                "on TCP ports everything is denied: what the rule names is there in HTTP alone",
                "name the ports in to.operation.ports",
            )


def _check_action(at: Field, policy: AuthorizationPolicy) -> None:
    if policy.action in ("CUSTOM", "DENY") and not policy.rules:
        (at / "rules").error(
            f"{policy.action} without rules does nothing", "write rules: [{}] for every request"
        )
    elif policy.action == "CUSTOM" and not (policy.provider and policy.provider.name):
        (at / "provider" / "name").error("nobody is asked", "name an extension provider")
    if policy.provider is not None and policy.action != "CUSTOM":
        (at / "provider").error(f"{policy.action} asks no provider", "remove it, or use CUSTOM")


def _check_rule(at: Field, rule: Rule) -> None:
    if len(rule.from_) > _MOST_RULES:
        (at / "from").error(f"there are more than {_MOST_RULES} sources", "split the rule")
    for place, one in (at / "from").each(rule.from_):
        if one.source is None:
            (place / "source").error("the source is not set", "set source, or remove the item")
        else:
            check_source(place / "source", one.source)
    for place, to in (at / "to").each(rule.to):
        if to.operation is None:
            (place / "operation").error("it is not set", "set operation, or remove the item")
        else:
            _check_operation(place / "operation", to.operation)
    for place, condition in (at / "when").each(rule.when):
        check_condition(place, condition)


def _check_operation(at: Field, operation: Operation) -> None:
    values = {
        "hosts": operation.hosts,
        "notHosts": operation.not_hosts,
        "ports": operation.ports,
        "notPorts": operation.not_ports,
        "methods": operation.methods,
        "notMethods": operation.not_methods,
        "paths": operation.paths,
        "notPaths": operation.not_paths,
    }
    if not any(values.values()):
        at.error("the operation is empty", "set a field, or remove the item")
    for name, given in values.items():
        check_filled(at / name, given)
        if name in ("ports", "notPorts"):
            check_ports(at / name, given)
        if name in ("paths", "notPaths"):
            for place, path in (at / name).each(given):
                check_path_template(place, path)


def _check_custom(at: Field, rule: Rule) -> None:
    """What an external authorizer is not asked about."""
    for place, one in (at / "from").each(rule.from_):
        for name in CUSTOM_LACKS:
            if one.source is not None and values_of_source(one.source)[name]:
                (place / "source" / name).error(f"CUSTOM does not look at {name}", "remove it")
    for place, condition in (at / "when").each(rule.when):
        key = condition.key
        if key in _CUSTOM_LACKS_KEYS or key.startswith("request.auth."):
            (place / "key").error(f"CUSTOM does not look at {key}", "remove it")


def _denies_all_tcp(rule: Rule) -> bool:
    sources = [values_of_source(one.source) for one in rule.from_ if one.source is not None]
    operations = [to.operation for to in rule.to if to.operation is not None]
    if operations:
        return not any(one.ports or one.not_ports for one in operations)
    return bool(sources) and not any(
        value for one in sources for name, value in one.items() if name not in _OF_HTTP
    )
