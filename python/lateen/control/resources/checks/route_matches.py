"""What matches of several kinds of routes have in common.

Source: Istio pkg/config/validation/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lateen.control.resources.checks.names import check_domain, domain_problem, is_dns_label
from lateen.control.resources.field import Field

_AUTOMATIC = "outbound_"


def check_gateway_names(at: Field, names: Sequence[str]) -> None:
    """Note what is no `namespace/name` or name of a gateway, and no `mesh`."""
    for place, written in at.each(names):
        namespace, slash, name = written.partition("/")
        if not slash:
            _check_short(place, written)
        elif not is_dns_label(namespace):
            place.error(f"{namespace!r} is no namespace", "namespace/name")
        elif not is_dns_label(name):
            place.error(f"{name!r} is no name of a gateway", "namespace/name")


def _check_short(at: Field, name: str) -> None:
    if check_domain(at, name) and "." in name:
        gateway, namespace = name.split(".")[:2]
        at.warn(f"{name!r} is the old form", f"write {namespace}/{gateway}")


def sni_problem(host: str, *, with_sni: bool) -> str:
    """What is wrong with a gateway's host; empty: nothing.

    Args:
        host: a name, or one that gateways between networks make: `outbound_.80_._.HOST`.
        with_sni: whether routes are chosen by SNI, so that the latter may be.
    """
    if not with_sni or not host.startswith(_AUTOMATIC):
        return domain_problem(host, wildcard=True)
    steps = host.split("_")
    if len(steps) < 4 or not re.search(r"\d", steps[1]) or not re.search("[a-zA-Z]", steps[3]):
        return f"{host!r} is no outbound_.PORT_.SUBSET_.HOST"
    return ""
