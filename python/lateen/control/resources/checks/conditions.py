"""Conditions of authorization policies.

Source: Istio pkg/config/security/security.go ValidateAttribute; istio.io, Authorization Policy
Conditions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from lateen.control.resources.authorization_policy import Condition
from lateen.control.resources.checks.policy_values import (
    check_addresses,
    check_filled,
    check_ports,
    check_service_accounts,
    check_wildcards,
)
from lateen.control.resources.field import Field

_KEYS: Mapping[str, Callable[[Field, Sequence[str]], None]] = {
    "source.ip": check_addresses,
    "remote.ip": check_addresses,
    "source.namespace": check_filled,
    "source.serviceAccount": check_service_accounts,
    "source.principal": check_filled,
    "source.trustDomain": check_wildcards,
    "request.auth.principal": check_filled,
    "request.auth.audiences": check_filled,
    "request.auth.presenter": check_filled,
    "destination.ip": check_addresses,
    "destination.port": check_ports,
    "connection.sni": check_filled,
}
_MAPS = ("request.headers", "request.auth.claims", "experimental.envoy.filters.")
_WITH_NAME = re.compile(r"[^\[]+\[.+\]", re.DOTALL)
_REPLACED = {
    "destination.namespace": "the policy's namespace says it",
    "destination.labels": "the policy's selector says it",
    "destination.name": "the policy's selector says it",
    "destination.user": "the policy's selector says it",
}


def check_condition(at: Field, condition: Condition) -> None:
    """Note an unknown key, and values that it does not take."""
    key = condition.key
    if not condition.values and not condition.not_values:
        at.error(f"the condition of {key!r} has no values", "set values or notValues")
        return
    check = _check_of(at / "key", key)
    if check is not None:
        check(at / "values", condition.values)
        check(at / "notValues", condition.not_values)


def _check_of(at: Field, key: str) -> Callable[[Field, Sequence[str]], None] | None:
    if key in _KEYS:
        return _KEYS[key]
    if key.startswith(_MAPS):
        if not _WITH_NAME.fullmatch(key):
            at.error(f"{key!r} names no entry", f"{key.partition('[')[0]}[NAME]")
        return check_filled
    replaced = _REPLACED.get(key.partition("[")[0])
    if replaced:
        at.error(f"{key!r} is no condition", replaced)
    else:
        known = (*_KEYS, *(f"{one}[NAME]" for one in _MAPS[:2]))
        at.error(f"{key!r} is no condition" if key else "the key is empty", ", ".join(known))
    return None
