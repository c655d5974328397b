"""Virtual services of sidecars that are about the same hosts.

Source: Istio pkg/config/analysis/analyzers/virtualservice/conflictingmeshgatewayhosts.go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import CONFLICTING_HOSTS
from lateen.control.analyze.services import EVERYWHERE, fqdn, scopes
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.model.hosts import MESH, matches
from lateen.control.resources.meta import Resource
from lateen.control.resources.virtual_service import VirtualService

_ByHost = Mapping[tuple[str, str], Sequence[Resource[VirtualService]]]


def mesh_gateway_hosts(resources: Snapshot) -> Iterator[Message]:
    """Compares hosts of virtual services that some namespace sees together."""
    by_host = _by_host(resources)
    told: set[str] = set()
    for scope, host in by_host:
        together = _together(by_host, scope, host)
        if len(together) < 2:
            continue
        names = ", ".join(sorted({f"{one.namespace}/{one.name}" for one in together}))
        for service in together:
            if str(service.key) not in told:
                told.add(str(service.key))
                text = f"The virtual services {names} are about the same host {host}: merge them"
                yield about(CONFLICTING_HOSTS, service, text)


def _by_host(resources: Snapshot) -> _ByHost:
    """The virtual services of sidecars by who sees them and by host."""
    found: dict[tuple[str, str], list[Resource[VirtualService]]] = defaultdict(list)
    for service in resources.of(VirtualService):
        if not service.spec.gateways or MESH in service.spec.gateways:
            for scope in scopes(service.spec.export_to, service.namespace):
                for host in service.spec.hosts:
                    found[scope, fqdn(host, service.namespace)].append(service)
    return found


def _together(by_host: _ByHost, scope: str, host: str) -> list[Resource[VirtualService]]:
    """Those that are about a host where it is seen; what is seen everywhere is seen there, too."""
    together = list(by_host[scope, host])
    if scope != EVERYWHERE:
        for (other_scope, other_host), others in by_host.items():
            if other_scope == EVERYWHERE and matches(host, other_host):
                together += others
    return together
