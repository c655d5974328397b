"""How an endpoint is chosen.

Source: Istio pkg/config/validation/validation.go validateLoadBalancer.
"""

from __future__ import annotations

from math import isqrt

from lateen.control.resources.checks.localities import check_localities
from lateen.control.resources.checks.values import check_duration
from lateen.control.resources.destination_rule import (
    ConsistentHash,
    HttpCookie,
    LoadBalancer,
    OutlierDetection,
)
from lateen.control.resources.field import Field

_LARGEST_TABLE = 5000011


def check_load_balancer(
    at: Field, balancer: LoadBalancer, outlier: OutlierDetection | None
) -> None:
    """Note what contradicts itself.

    Args:
        at: the load balancer's field.
        balancer: what it says.
        outlier: the outlier detection beside it.
    """
    at.at_most_one("simple", "consistentHash")
    if balancer.consistent_hash is not None:
        _check_hash(at / "consistentHash", balancer.consistent_hash)
    check_localities(at, balancer, outlier)
    check_duration(at / "warmupDurationSecs", balancer.warmup_duration_secs)
    if balancer.warmup is not None:
        check_duration(at / "warmup" / "duration", balancer.warmup.duration)
        if balancer.warmup.aggression == 0:
            (at / "warmup" / "aggression").error("an aggression of 0", "more than 0")


def _check_hash(at: Field, consistent: ConsistentHash) -> None:
    at.at_most_one("httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName")
    at.at_most_one("ringHash", "maglev")
    if consistent.http_cookie is not None:
        _check_cookie(at / "httpCookie", consistent.http_cookie)
    if consistent.minimum_ring_size:
        ring = at / "minimumRingSize"
        ring.warn("minimumRingSize is deprecated", "use ringHash.minimumRingSize")
        if consistent.ring_hash is not None or consistent.maglev is not None:
            ring.error("minimumRingSize and ringHash or maglev are set", "remove minimumRingSize")
    if consistent.maglev is not None:
        size = consistent.maglev.table_size
        if size >= _LARGEST_TABLE or not _is_prime(size):
            (at / "maglev" / "tableSize").error(
                f"a table of {size}", f"a prime number below {_LARGEST_TABLE}"
            )


def _check_cookie(at: Field, cookie: HttpCookie) -> None:
    if not cookie.name:
        (at / "name").error("the cookie has no name", "say its name")
    seen: set[str] = set()
    for place, attribute in (at / "attributes").each(cookie.attributes):
        if not attribute.name:
            (place / "name").error("the attribute has no name", "say its name")
        elif attribute.name in seen:
            (place / "name").error(f"{attribute.name!r} is there twice", "remove one")
        seen.add(attribute.name)


def _is_prime(number: int) -> bool:
    """As Envoy's Maglev has it: 1 is one."""
    if number < 4:
        return number > 0
    return number % 2 == 1 and all(number % factor for factor in range(3, isqrt(number) + 1, 2))
