"""Gateways that claim the same hosts at the same port of the same pods.

Source: Istio pkg/config/analysis/analyzers/gateway/conflictinggateway.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import CONFLICTING_GATEWAYS
from lateen.control.analyze.selecting import spelled
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.gateway import Gateway, Server
from lateen.control.resources.kubernetes.pod import Pod
from lateen.control.resources.meta import Resource
from lateen.control.resources.selectors import selects


def gateway_conflicts(resources: Snapshot) -> Iterator[Message]:
    """Compares gateways whose selectors are the same, or are both of one pod."""
    gateways = resources.of(Gateway)
    for gateway in gateways:
        others = [one for one in gateways if _meet(resources, gateway, one)]
        for index, server in enumerate(gateway.spec.servers):
            names = [str(one.key) for one in others if _claims(one.spec, server)]
            if names:
                text = (
                    f"{', '.join(sorted(names))} has some of the hosts {', '.join(server.hosts)} "
                    f"at port {_port(server)} of {spelled(gateway.spec.selector)}, too"
                )
                yield about(CONFLICTING_GATEWAYS, gateway, text, ("spec", "servers", index))


def _meet(resources: Snapshot, one: Resource[Gateway], other: Resource[Gateway]) -> bool:
    if one is other:
        return False
    mine, theirs = one.spec.selector, other.spec.selector
    if mine == theirs:
        return True
    if not selects(mine, theirs) and not selects(theirs, mine):
        return False
    both = {**mine, **theirs}
    return any(selects(both, pod.labels) for pod in resources.of(Pod))


def _claims(gateway: Gateway, server: Server) -> bool:
    return any(
        _port(one) == _port(server)
        and one.bind == server.bind
        and set(one.hosts) & set(server.hosts)
        for one in gateway.servers
    )


def _port(server: Server) -> int:
    return server.port.number if server.port is not None else 0
