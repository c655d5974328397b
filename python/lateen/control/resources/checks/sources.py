"""Sources of authorization policies.

Source: Istio pkg/config/validation/validation.go ValidateAuthorizationPolicy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lateen.control.resources.authorization_policy import Source
from lateen.control.resources.checks.policy_values import (
    check_addresses,
    check_filled,
    check_service_accounts,
    check_trust_domains,
)
from lateen.control.resources.field import Field

CUSTOM_LACKS = (
    "namespaces",
    "notNamespaces",
    "serviceAccounts",
    "notServiceAccounts",
    "trustDomains",
    "notTrustDomains",
    "principals",
    "notPrincipals",
    "requestPrincipals",
    "notRequestPrincipals",
)
"""What a policy of action CUSTOM does not take of a source."""

_ACCOUNTS = ("serviceAccounts", "notServiceAccounts")
_NOT_WITH_ACCOUNTS = ("principals", "notPrincipals", "namespaces", "notNamespaces")
_CHECKS: Mapping[str, Callable[[Field, Sequence[str]], None]] = {
    "principals": check_filled,
    "requestPrincipals": check_filled,
    "namespaces": check_filled,
    "serviceAccounts": check_service_accounts,
    "trustDomains": check_trust_domains,
    "ipBlocks": check_addresses,
    "remoteIpBlocks": check_addresses,
}


def check_source(at: Field, source: Source) -> None:
    """Note what is wrong with a source."""
    values = values_of_source(source)
    if not any(values.values()):
        at.error("the source is empty", "set a field, or remove the item")
    with_accounts = any((at / name).written for name in _ACCOUNTS)
    for name in _NOT_WITH_ACCOUNTS:
        if with_accounts and (at / name).written:
            (at / name).error(
                f"service accounts and {name} cannot be set together", "use two items"
            )
    for name, given in values.items():
        plain = name.removeprefix("not")
        _CHECKS[plain[:1].lower() + plain[1:]](at / name, given)


def values_of_source(source: Source) -> Mapping[str, Sequence[str]]:
    """What a source says, by field."""
    return {
        "principals": source.principals,
        "notPrincipals": source.not_principals,
        "requestPrincipals": source.request_principals,
        "notRequestPrincipals": source.not_request_principals,
        "namespaces": source.namespaces,
        "notNamespaces": source.not_namespaces,
        "serviceAccounts": source.service_accounts,
        "notServiceAccounts": source.not_service_accounts,
        "trustDomains": source.trust_domains,
        "notTrustDomains": source.not_trust_domains,
        "ipBlocks": source.ip_blocks,
        "notIpBlocks": source.not_ip_blocks,
        "remoteIpBlocks": source.remote_ip_blocks,
        "notRemoteIpBlocks": source.not_remote_ip_blocks,
    }
