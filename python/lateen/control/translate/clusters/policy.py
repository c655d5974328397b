"""The traffic policy that holds for one port of a service or of a subset.

Source: pilot/pkg/networking/util/util.go (GetPortLevelTrafficPolicy, MergeSubsetTrafficPolicy),
pilot/pkg/model/destination_rule.go (MergeTrafficPolicy).
"""

from __future__ import annotations

import msgspec

from lateen.control.mesh_config import DefaultTrafficPolicy
from lateen.control.resources.destination_rule import DestinationRule, Subset, TrafficPolicy

_NOTHING = TrafficPolicy()
_OF_PORTS = ("connection_pool", "load_balancer", "outlier_detection", "tls")
_OF_ALL = (*_OF_PORTS, "tunnel", "proxy_protocol", "retry_budget")


def of_port(policy: TrafficPolicy | None, port: int) -> TrafficPolicy:
    """What a policy says of a port. Settings of the port take nothing from those of all ports."""
    for settings in policy.port_level_settings if policy is not None else ():
        if settings.port is not None and settings.port.number == port:
            return TrafficPolicy(**{name: getattr(settings, name) for name in _OF_PORTS})
    return policy or _NOTHING


def of_subset(rule: TrafficPolicy | None, subset: TrafficPolicy | None, port: int) -> TrafficPolicy:
    """What a rule says of a port of a subset: what the subset says goes before."""
    base = of_port(rule, port)
    if subset is None:
        return base
    own = of_port(subset, port)
    said = {name: getattr(own, name) for name in _OF_ALL if getattr(own, name) is not None}
    return msgspec.structs.replace(base, **said)


def with_defaults(policy: TrafficPolicy, mesh: DefaultTrafficPolicy) -> TrafficPolicy:
    """The policy, with what the mesh says where it says nothing."""
    return msgspec.structs.replace(
        policy,
        connection_pool=policy.connection_pool or mesh.connection_pool,
        outlier_detection=policy.outlier_detection or mesh.outlier_detection,
    )


def effective(
    rule: DestinationRule | None, subset: Subset | None, port: int, mesh: DefaultTrafficPolicy
) -> TrafficPolicy:
    """All that holds for one port of a service, or of a subset of it."""
    of_rule = rule.traffic_policy if rule is not None else None
    of_it = subset.traffic_policy if subset is not None else None
    return with_defaults(of_subset(of_rule, of_it, port), mesh)
