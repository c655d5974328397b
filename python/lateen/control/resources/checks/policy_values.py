"""Values of authorization policies.

Source: Istio pkg/config/security/security.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from lateen.control.resources.checks.addresses import check_address_or_range
from lateen.control.resources.checks.values import is_number
from lateen.control.resources.field import Field

_MOST_ACCOUNTS = 16
_LONGEST_ACCOUNT = 320


def check_filled(at: Field, values: Sequence[str]) -> None:
    """Note empty values."""
    for place, value in at.each(values):
        if not value:
            place.error("an empty value matches nothing", "remove it, or write * for any")


def check_addresses(at: Field, values: Sequence[str]) -> None:
    """Note what is neither an IP address nor a range."""
    for place, value in at.each(values):
        check_address_or_range(place, value)


def check_ports(at: Field, values: Sequence[str]) -> None:
    """Note what is no port; 0 is one here."""
    for place, value in at.each(values):
        if not is_number(value, 65535):
            place.error(f"{value!r} is no port", "0 to 65535")


def check_wildcards(at: Field, values: Sequence[str]) -> None:
    """Note a `*` that is neither the first nor the last letter, and several."""
    check_filled(at, values)
    for place, value in at.each(values):
        if "*" in value[1:-1] or value.count("*") > 1:
            place.error(f"{value!r}: one * at the start or the end", "as cluster-* or *-cluster")


def check_trust_domains(at: Field, values: Sequence[str]) -> None:
    """Note what is no trust domain."""
    check_wildcards(at, values)
    for place, value in at.each(values):
        if "/" in value:
            place.error(f"{value!r} is no trust domain", "without /")


def check_service_accounts(at: Field, values: Sequence[str]) -> None:
    """Note what is no `namespace/account` or `account`."""
    if len(values) > _MOST_ACCOUNTS:
        at.error(f"there are more than {_MOST_ACCOUNTS} accounts", "split the rule")
    for place, value in at.each(values):
        if "*" in value:
            place.error(f"{value!r}: accounts have no wildcards", "name each, or use principals")
        elif len(value) > _LONGEST_ACCOUNT:
            place.error(f"an account has {_LONGEST_ACCOUNT} letters at most", "shorten it")
        elif value.count("/") > 1 or not all(value.split("/")):
            place.error(f"{value!r} is no service account", "account or namespace/account")
