"""Addresses for services that have none, so that a call tells by its address which one is meant.

They lead nowhere but to a sidecar, whose DNS gives them for the names of the services.

Source: pilot/pkg/networking/serviceentry/ip_autoallocation.go,
pilot/pkg/serviceregistry/serviceentry/auto_allocation.go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from ipaddress import ip_network

from lateen.control.model.hosts import is_wildcard
from lateen.control.model.service import UNSPECIFIED, Resolution, Service

# Of class E, which no router forwards; and of RFC 5180, for benchmarks.
_V4, _V6 = ip_network("240.240.0.0/16"), ip_network("2001:2::/48")
_OPT_OUT = "networking.istio.io/enable-autoallocate-ip"
# The first and the last of every 256 look like those of a network.
_OF_256 = 254
_ALL = 256 * _OF_256


def allocate(services: Iterable[Service]) -> Mapping[str, tuple[str, str]]:
    """An address of IPv4 and one of IPv6 for each service that needs one, by key.

    The name decides, so that an address stays; of two names that decide alike the older service's
    does, and where there are more services than addresses, the youngest get none.
    """
    found: dict[str, tuple[str, str]] = {}
    taken: set[int] = set()
    for service in sorted(filter(_needs_one, services), key=lambda one: (one.created, one.host)):
        if len(taken) == _ALL:
            break
        slot = _hash(f"{service.namespace}/{service.host}") % _ALL
        while slot in taken:
            slot = (slot + 1) % _ALL
        taken.add(slot)
        offset = slot // _OF_256 * 256 + slot % _OF_256 + 1
        found[service.key] = (str(_V4[offset]), str(_V6[offset]))
    return found


def _needs_one(service: Service) -> bool:
    """Whether it is an entry whose endpoints can be called by another address than their own."""
    return (
        service.source.kind == "ServiceEntry"
        and service.addresses == (UNSPECIFIED,)
        and service.resolution is not Resolution.PASSTHROUGH
        and not is_wildcard(service.host)
        and service.labels.get(_OPT_OUT, "").lower() != "false"
    )


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
