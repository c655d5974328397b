"""How localities are preferred.

Source: Istio pkg/config/validation/agent/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lateen.control.model.locality import LEVELS
from lateen.control.resources.destination_rule import (
    Failover,
    LoadBalancer,
    LocalityLoadBalancer,
    OutlierDetection,
    ZoneAwareLoadBalancer,
)
from lateen.control.resources.field import Field


def check_localities(at: Field, balancer: LoadBalancer, outlier: OutlierDetection | None) -> None:
    """Note settings of localities that contradict each other.

    Args:
        at: the load balancer's field.
        balancer: what it says.
        outlier: without it, nothing fails over.
    """
    at.at_most_one("localityLbSetting", "zoneAwareLbSetting")
    if balancer.locality_lb_setting is not None:
        check_locality_setting(at / "localityLbSetting", balancer.locality_lb_setting, outlier)
    if balancer.zone_aware_lb_setting is not None:
        _check_zone_aware(at / "zoneAwareLbSetting", balancer.zone_aware_lb_setting, outlier)


def check_locality_setting(
    at: Field, setting: LocalityLoadBalancer, outlier: OutlierDetection | None
) -> None:
    """Note what is wrong with weights and failover between localities."""
    if setting.distribute and setting.failover:
        at.error("distribute and failover cannot be set together", "keep one of them")
    for place, one in (at / "distribute").each(setting.distribute):
        for weight_place, _, weight in (place / "to").entries(one.to):
            if not 1 <= weight <= 100:
                weight_place.error(f"a weight of {weight}", "1 to 100")
        if sum(one.to.values()) != 100:
            (place / "to").error(f"the weights add up to {sum(one.to.values())}", "to 100")
        _check_disjoint(place / "to", one.to)
    _check_disjoint(at / "distribute", [one.from_ for one in setting.distribute])
    if setting.failover:
        _check_priority(at / "failoverPriority", setting.failover_priority)
    _check_failover(at, setting.failover, setting.failover_priority, outlier)


def _check_zone_aware(
    at: Field, setting: ZoneAwareLoadBalancer, outlier: OutlierDetection | None
) -> None:
    _check_priority(at / "failoverPriority", setting.failover_priority)
    _check_failover(at, setting.failover, setting.failover_priority, outlier)


def _check_priority(at: Field, labels: Sequence[str]) -> None:
    for place, name in at.each(labels):
        if name in LEVELS:
            place.error(f"{name} is already decided by the regions", "remove it")


def _check_failover(
    at: Field,
    failover: Sequence[Failover],
    priority: Sequence[str],
    outlier: OutlierDetection | None,
) -> None:
    if (failover or priority) and outlier is None:
        at.warn("nothing fails over without outlierDetection", "set outlierDetection")
    for place, one in (at / "failover").each(failover):
        if one.from_ == one.to:
            place.error(f"{one.to!r} cannot take over from itself", "name another region")
        for name, region in (("from", one.from_), ("to", one.to)):
            if "/" in region or "*" in region:
                (place / name).error(f"{region!r} is no region", "a region without zone and *")


def _check_disjoint(at: Field, localities: Iterable[str]) -> None:
    """Note localities that are none, and ones within each other."""
    seen: list[list[str]] = []
    for locality in localities:
        steps = locality.split("/", 2)
        if "*" in locality[:-1] or not all(steps):
            at.error(f"{locality!r} is no locality", "region/zone/subzone, or * at the end")
            continue
        steps = [step for step in steps if step != "*"]
        if any(_overlap(steps, other) for other in seen):
            at.error(f"{locality!r} overlaps with another locality", "keep one of them")
        seen.append(steps)


def _overlap(one: list[str], other: list[str]) -> bool:
    return all(a == b for a, b in zip(one, other, strict=False))
