"""Which endpoints a proxy prefers, by where it and they are.

Source: pilot/pkg/networking/core/loadbalancer/loadbalancer.go; istio/api
networking/v1alpha3/destination_rule.proto (LocalityLoadBalancerSetting,
ZoneAwareLoadBalancerSetting).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from lateen.control.mesh_config import MeshConfig
from lateen.control.model.locality import LEVELS, NETWORK, NODE, levels_of, lies_in
from lateen.control.model.proxy import Proxy
from lateen.control.model.service import Endpoint, Near, Service
from lateen.control.resources.destination_rule import (
    Failover,
    LoadBalancer,
    LocalityLoadBalancer,
    TrafficPolicy,
    ZoneAwareLoadBalancer,
)

Setting = LocalityLoadBalancer | ZoneAwareLoadBalancer

_REGION, _ZONE, _SUBZONE = LEVELS
_HEAVIEST = (1 << 32) - 1
# What a service itself wants, which needs no outlier detection.
_OF_SERVICE = {
    Near.ZONE: LocalityLoadBalancer(failover_priority=(NETWORK, _REGION, _ZONE)),
    Near.NODE: LocalityLoadBalancer(failover_priority=(NETWORK, _REGION, _ZONE, _SUBZONE, NODE)),
}


@dataclass(frozen=True)
class Nearness:
    """The nearest first.

    Attributes:
        locality: of the proxy.
        levels: how many of region, zone and subzone count.
        next_region: whose endpoints come before those of other regions; empty: none.
    """

    locality: str
    levels: int
    next_region: str = ""

    def rank(self, locality: str) -> int:
        """How far away a place is; 0: here."""
        here, there = levels_of(self.locality), levels_of(locality)
        shared = 0
        while shared < self.levels and here[shared] == there[shared]:
            shared += 1
        last = not shared and bool(self.next_region) and there[0] != self.next_region
        return self.levels - shared + last


@dataclass(frozen=True)
class Preference:
    """What a proxy prefers: equal preferences choose alike of the same endpoints.

    Attributes:
        shares: percent of traffic by places, in which others get none; none: nothing is shared out.
        labels: that endpoints should have; the more of them from the first on, the better.
        nearness: what of the place counts.
    """

    shares: tuple[tuple[str, int], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    nearness: Nearness | None = None


@dataclass(frozen=True)
class Group:
    """Endpoints of one place that are preferred alike.

    Attributes:
        locality: the place.
        endpoints: at least one.
        weight: of the group among those of its priority.
        priority: 0: before all others.
    """

    locality: str
    endpoints: Sequence[Endpoint]
    weight: int
    priority: int = 0


def setting_of(policy: TrafficPolicy, config: MeshConfig, service: Service) -> Setting | None:
    """What a rule says of places, else the service, else the mesh; None: they do not count."""
    of_rule = policy.load_balancer or LoadBalancer()
    for zone_aware, by_locality in (
        (of_rule.zone_aware_lb_setting, of_rule.locality_lb_setting),
        (None, _OF_SERVICE[service.near] if service.near is not None else None),
        (config.zone_aware_lb_setting, config.locality_lb_setting),
    ):
        if zone_aware is not None:
            return zone_aware
        if by_locality is not None:
            return by_locality if by_locality.enabled is not False else None
    return None


def takes_over(policy: TrafficPolicy, setting: LocalityLoadBalancer) -> bool:
    """Whether other places take over: from endpoints that are ejected, or as a service wants."""
    wanted = any(setting is one for one in _OF_SERVICE.values())
    return wanted or policy.outlier_detection is not None


def preference_of(
    policy: TrafficPolicy, config: MeshConfig, service: Service, proxy: Proxy
) -> Preference | None:
    """What a proxy prefers under a policy; None: all endpoints are the same to it."""
    setting = setting_of(policy, config, service)
    if isinstance(setting, ZoneAwareLoadBalancer):
        if setting.enabled is False:
            return None
        return Preference(
            labels=_labels(setting.failover_priority, proxy),
            nearness=_nearness(proxy, 1, setting.failover),
        )
    if setting is None:
        return None
    if setting.distribute:
        for one in setting.distribute:
            if lies_in(proxy.locality, one.from_):
                return Preference(shares=tuple(one.to.items()))
        return None
    if not takes_over(policy, setting):
        return None
    by_place = bool(setting.failover) or not setting.failover_priority
    return Preference(
        labels=_labels(setting.failover_priority, proxy),
        nearness=_nearness(proxy, 3, setting.failover) if by_place else None,
    )


def _nearness(proxy: Proxy, levels: int, failover: Iterable[Failover]) -> Nearness:
    region = levels_of(proxy.locality)[0]
    after = next((one.to for one in failover if one.from_ == region), "")
    return Nearness(proxy.locality, levels, after)


def _labels(names: Sequence[str], proxy: Proxy) -> tuple[tuple[str, str], ...]:
    """Labels with the values that are wanted: `NAME=VALUE`, or the proxy's own value of `NAME`."""
    if not proxy.labels:
        return ()
    parts = (one.partition("=") for one in names)
    return tuple((name, value if eq else proxy.labels.get(name, "")) for name, eq, value in parts)


def grouped(endpoints: Iterable[Endpoint], preference: Preference | None) -> list[Group]:
    """The endpoints by place and preference."""
    by_place: dict[str, list[Endpoint]] = {}
    for one in endpoints:
        by_place.setdefault(one.locality, []).append(one)
    groups = [Group(place, by_place[place], _weight(by_place[place])) for place in sorted(by_place)]
    if preference is None:
        return groups
    return _shared(groups, preference) if preference.shares else _ordered(groups, preference)


def _weight(endpoints: Iterable[Endpoint]) -> int:
    """Of all together, as far as 32 bits can count."""
    return min(sum(one.weight or 1 for one in endpoints), _HEAVIEST)


def _shared(groups: Iterable[Group], preference: Preference) -> list[Group]:
    """Each pattern's share, among the groups that it is the first to match by their weights."""
    left = list(groups)
    found = []
    for pattern, share in preference.shares:
        mine = [one for one in left if lies_in(one.locality, pattern)]
        left = [one for one in left if one not in mine]
        whole = sum(one.weight for one in mine)
        found += [
            Group(one.locality, one.endpoints, ceil(one.weight * share / whole)) for one in mine
        ]
    return sorted(found, key=lambda one: one.locality)


def _ordered(groups: Iterable[Group], preference: Preference) -> list[Group]:
    """Groups with priorities that count from 0 and leave none out."""
    parts: dict[tuple[str, tuple[int, int]], list[Endpoint]] = {}
    for group in groups:
        near = preference.nearness.rank(group.locality) if preference.nearness else 0
        for one in group.endpoints:
            rank = _mismatch(one, preference.labels), near
            parts.setdefault((group.locality, rank), []).append(one)
    priorities = {rank: index for index, rank in enumerate(sorted({rank for _, rank in parts}))}
    return [
        Group(place, found, _weight(found), priorities[rank])
        for (place, rank), found in sorted(parts.items(), key=lambda one: one[0])
    ]


def _mismatch(endpoint: Endpoint, labels: Sequence[tuple[str, str]]) -> int:
    """How much of the labels an endpoint lacks, from the first that differs on.

    One of another network comes after all of the own, which are compared by the others.
    """
    other_network = 0
    for index, (name, value) in enumerate(labels):
        if endpoint.labels.get(name, "") != value:
            if index or name != NETWORK:
                return len(labels) - index + other_network
            other_network = len(labels)
    return other_network
