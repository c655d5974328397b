"""Names of hosts, in which the first label may be `*`.

Source: pkg/config/host/name.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import TypeVar

Value = TypeVar("Value")

MESH = "mesh"
"""The gateway that all sidecars are."""


def is_wildcard(host: str) -> bool:
    """Whether the name stands for several."""
    return host.startswith("*")


def is_address(text: str) -> bool:
    """Whether the text is an IP address, not a name."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def matches(one: str, other: str) -> bool:
    """Whether the names have a host in common."""
    if is_wildcard(one) and is_wildcard(other):
        short, long = sorted((one, other), key=len)
        return long[1:].endswith(short[1:])
    if is_wildcard(one):
        return other.endswith(one[1:])
    return one.endswith(other[1:]) if is_wildcard(other) else one == other


def contains(pattern: str, host: str) -> bool:
    """Whether every host of `host` is one of `pattern`."""
    if not is_wildcard(pattern):
        return pattern == host
    return host.removeprefix("*").endswith(pattern[1:]) and len(host) >= len(pattern)


def most_specific(host: str, rules: Mapping[str, Value]) -> Value | None:
    """What is said of the name itself, or of the longest wildcard that has it."""
    if host in rules:
        return rules[host]
    wildcards = [name for name in rules if is_wildcard(name) and contains(name, host)]
    return rules[max(wildcards, key=len)] if wildcards else None


def full_name(host: str, namespace: str, domain: str) -> str:
    """The full name of a short one, which is that of a service of the same namespace.

    Source: pilot/pkg/model/virtualservice.go ResolveShortnameToFQDN.
    """
    if is_wildcard(host) or "." in host:
        return host
    return f"{host}.{namespace}.svc.{domain}"


def gateway_name(written: str, namespace: str) -> str:
    """`NAMESPACE/NAME` of a gateway that a resource of a namespace names; `mesh` stays `mesh`.

    Source: pilot/pkg/model/config.go resolveGatewayName.
    """
    if written == MESH:
        return written
    owner, slash, name = written.partition("/")
    if slash:
        return f"{namespace if owner == '.' else owner}/{name}"
    # The older way to name one of another namespace: NAME.NAMESPACE.svc.DOMAIN.
    name, dot, rest = written.partition(".")
    return f"{rest.partition('.')[0] if dot else namespace}/{name}"


def sorted_by_precision(hosts: Iterable[str]) -> list[str]:
    """Names before wildcards, the longer before the shorter ones."""
    return sorted(hosts, key=lambda host: (is_wildcard(host), -len(host), host))
