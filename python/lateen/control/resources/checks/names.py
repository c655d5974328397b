"""Names: DNS labels, hosts, labels, ports.

Source: Istio pkg/config/labels/instance.go, pkg/config/validation/agent/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lateen.control.model.hosts import is_address
from lateen.control.model.protocol import Protocol, parse_protocol
from lateen.control.resources.field import Field

_LABEL = "[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?"
_DNS_LABEL = re.compile(_LABEL)
_WILDCARD_LABEL = re.compile(rf"\*|(?:\*-?)?{_LABEL}")
_QUALIFIED = "(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_KEY = re.compile(rf"((?:{_LABEL})(?:\.{_LABEL})*/)?({_QUALIFIED})")
_LABEL_VALUE = re.compile(rf"(?:{_QUALIFIED})?")
_LONGEST_LABEL = 63
_LONGEST_DOMAIN = 255
_LONGEST_PREFIX = 253
_LABEL_HINT = "letters, digits and '-', 63 at most, with a letter or digit at both ends"


def is_dns_label(text: str) -> bool:
    """Whether it is one label of a name in DNS (RFC 1123)."""
    return len(text) <= _LONGEST_LABEL and _DNS_LABEL.fullmatch(text) is not None


def domain_problem(name: str, *, wildcard: bool = False) -> str:
    """What is wrong with a host's name; empty: nothing.

    Args:
        name: labels with dots between; the last may be empty, as in `istio.io.`.
        wildcard: the first label may be `*` or begin with `*`.
    """
    if not name:
        return "the name of a host is empty"
    if len(name) > _LONGEST_DOMAIN:
        return f"a name of {len(name)} letters is longer than {_LONGEST_DOMAIN}"
    labels = name.split(".")
    if wildcard:
        first = labels.pop(0)
        if len(first) > _LONGEST_LABEL or not _WILDCARD_LABEL.fullmatch(first):
            return f"{name!r} is no name of a host: {first!r} is no label"
    if labels and re.fullmatch(r"[-+]?\d+", labels[-1]):
        return f"{name!r} is no name of a host: the last label is a number"
    if labels and not labels[-1]:
        labels.pop()
    wrong = next((label for label in labels if not is_dns_label(label)), None)
    return "" if wrong is None else f"{name!r} is no name of a host: {wrong!r} is no label"


def check_domain(at: Field, name: str, *, wildcard: bool = False) -> bool:
    """Note what is wrong with a host's name; returns whether nothing is."""
    problem = domain_problem(name, wildcard=wildcard)
    if problem:
        at.error(problem, "a name as reviews or reviews.shop.svc.cluster.local")
    return not problem


def check_partial_wildcard(at: Field, host: str, *, refuse: bool) -> None:
    """Note a `*` that is not a whole label: `*foo.com`."""
    if "*" in host and host != "*" and not host.startswith("*."):
        note = at.error if refuse else at.warn
        note(f"in {host!r} the wildcard is a part of a label only", "write *.example.com or *")


def check_labels(at: Field, labels: Mapping[str, str]) -> None:
    """Note labels that Kubernetes does not take."""
    for place, key, value in at.entries(labels):
        found = _LABEL_KEY.fullmatch(key)
        if (
            found is None
            or len(found[1] or "") > _LONGEST_PREFIX + 1
            or len(found[2]) > _LONGEST_LABEL
        ):
            place.error(f"{key!r} is no name of a label", "as app or example.com/app")
        if not _LABEL_VALUE.fullmatch(value):
            place.error(
                f"{value!r} is no value of a label",
                "letters, digits, '-', '_' and '.', with a letter or digit at both ends",
            )


def check_port(at: Field, number: int) -> None:
    """Note what is no port."""
    if not 1 <= number <= 65535:
        at.error(f"{number} is no port", "1 to 65535")


def check_port_name(at: Field, name: str) -> None:
    """Note what is no name of a port."""
    if not is_dns_label(name):
        at.error(f"{name!r} is no name of a port", _LABEL_HINT)


def check_subset_name(at: Field, name: str) -> None:
    """Note what is no name of a subset."""
    if not is_dns_label(name):
        at.error(f"{name!r} is no name of a subset", _LABEL_HINT)


def check_protocol(at: Field, name: str) -> None:
    """Note an unknown protocol; none means that the first bytes tell."""
    if name and parse_protocol(name) is Protocol.UNSUPPORTED:
        known = ", ".join(one.value for one in Protocol if one is not Protocol.UNSUPPORTED)
        at.error(f"{name!r} is no protocol", f"one of {known}")


def check_namespaced_host(at: Field, host: str, *, gateway: bool) -> None:
    """Note what is no `namespace/host` of a gateway's server or of a sidecar's egress."""
    namespace, slash, name = host.partition("/")
    if not slash:
        if gateway:
            _check_host_part(at, host, gateway=True)
        else:
            at.error(f"{host!r} names no namespace", "namespace/host, as ./* or shop/reviews.com")
        return
    if not namespace or not name:
        at.error(f"in {host!r} the namespace or the host is empty", "namespace/host")
    plain = namespace if gateway else namespace.removeprefix("~")
    if plain and plain not in ("*", ".") and not is_dns_label(plain):
        at.error(f"{namespace!r} is no namespace", "a namespace, `.` for the own, or `*` for any")
    _check_host_part(at, name, gateway=gateway)


def _check_host_part(at: Field, host: str, *, gateway: bool) -> None:
    if host != "*" and "." not in host:
        at.error(f"{host!r} is a short name", "write the full name of the host")
    if not (gateway and is_address(host)):
        check_domain(at, host, wildcard=True)
    check_partial_wildcard(at, host, refuse=True)
