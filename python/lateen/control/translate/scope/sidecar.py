"""Which Sidecar is about a proxy, and what each of its egress listeners imports.

Source: pilot/pkg/model/sidecar.go, push_context.go (initSidecarScopes, getSidecarScope).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lateen.control.mesh import Mesh, preferred
from lateen.control.model.hosts import MESH, contains, is_wildcard, matches
from lateen.control.model.protocol import Protocol, parse_protocol
from lateen.control.model.proxy import Proxy, ProxyType
from lateen.control.model.service import Service
from lateen.control.resources.destination_rule import ConnectionPool
from lateen.control.resources.meta import Key, Resource
from lateen.control.resources.selectors import selects
from lateen.control.resources.sidecar import EgressListener, Sidecar
from lateen.control.resources.virtual_service import VirtualService
from lateen.control.translate.scope.imports import imports
from lateen.control.translate.scope.outbound import OutboundPolicy, outbound_policy
from lateen.control.translate.scope.rules import EVERY_PORT, destinations_of, hosts_of

_EVERYTHING = EgressListener(hosts=("*/*",))


@dataclass(frozen=True)
class Egress:
    """One egress listener with what it imports.

    Attributes:
        listener: as it is written.
        services: by host, the oldest first; with the listener's port alone where it names one.
        rules: VirtualServices, those that win first.
        domain: of the cluster.
    """

    listener: EgressListener
    services: Mapping[str, Service]
    rules: Sequence[Resource[VirtualService]]
    domain: str

    @property
    def is_http_proxy(self) -> bool:
        """Whether applications use it as their HTTP proxy, for services of every port."""
        port = self.listener.port
        return port is not None and parse_protocol(port.protocol) is Protocol.HTTP_PROXY

    def rules_of(self, host: str) -> list[Resource[VirtualService]]:
        """The rules that have a host in common with a service, those that win first."""
        named = set(self._places.get(host, ()))
        for one in self._places if is_wildcard(host) else self._wildcards:
            if matches(one, host):
                named.update(self._places[one])
        return [self.rules[place] for place in sorted(named)]

    def services_of(self, rule: Resource[VirtualService]) -> list[str]:
        """The hosts of the services that an HTTP rule is for.

        Those that it names; and those that no rule names, where none has a longer wildcard.
        """
        named = [one for one in hosts_of(rule, self.domain) if one in self.services]
        return [*dict.fromkeys(named), *self._by_wildcard.get(rule.key, ())]

    @cached_property
    def _places(self) -> Mapping[str, Sequence[int]]:
        """Where rules are that name a host."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for place, rule in enumerate(self.rules):
            for host in hosts_of(rule, self.domain):
                found[host].append(place)
        return found

    @cached_property
    def _wildcards(self) -> Sequence[str]:
        """The wildcards that rules name, the longest first."""
        return sorted(filter(is_wildcard, self._places), key=len, reverse=True)

    @cached_property
    def _by_wildcard(self) -> Mapping[Key, Sequence[str]]:
        found: defaultdict[Key, list[str]] = defaultdict(list)
        for host in self.services:
            best = next((one for one in self._wildcards if contains(one, host)), None)
            if best is not None and host not in self._places:
                found[self.rules[self._places[best][0]].key].append(host)
        return found


@dataclass(frozen=True)
class SidecarScope:
    """What a proxy knows of the mesh.

    Attributes:
        sidecar: the resource that says so; None: the proxy may know of everything.
        egress: its listeners; one without a port is the last.
        services: of all listeners, and those that their rules lead to, by host.
        outbound: what becomes of calls of hosts that nobody knows.
    """

    sidecar: Resource[Sidecar] | None
    egress: Sequence[Egress]
    services: Mapping[str, Service]
    outbound: OutboundPolicy

    def egress_at(self, port: int, bind: str) -> Egress | None:
        """The listener that a port is of, or a socket (port 0); None: there is none."""
        for egress in self.egress:
            own = egress.listener.port
            if own is None or (own.number == port and (port or egress.listener.bind == bind)):
                return egress
        return None

    def inbound_pool(self, port: int) -> ConnectionPool | None:
        """Limits of what comes to a port; None: the Sidecar says none."""
        if self.sidecar is None:
            return None
        for ingress in self.sidecar.spec.ingress:
            if ingress.port.number == port and ingress.connection_pool is not None:
                return ingress.connection_pool
        return self.sidecar.spec.inbound_connection_pool


def sidecar_scope(mesh: Mesh, proxy: Proxy) -> SidecarScope:
    """What a proxy knows of the mesh. A gateway knows all that is exported to its namespace."""
    sidecar = _sidecar_of(mesh, proxy) if proxy.type is ProxyType.SIDECAR else None
    written = sidecar.spec.egress if sidecar is not None else ()
    visible = sorted(_visible(mesh, proxy), key=lambda one: (one.created, one.host))
    rules = mesh.virtual_services_of(MESH, proxy.namespace)
    egress = [
        _egress(listener, visible, rules, proxy, mesh.domain)
        for listener in written or (_EVERYTHING,)
    ]
    outbound = outbound_policy(sidecar.spec if sidecar is not None else None, mesh.config)
    by_host = preferred(visible, proxy.namespace)
    return SidecarScope(sidecar, egress, _services(egress, by_host, proxy.namespace), outbound)


def _visible(mesh: Mesh, proxy: Proxy) -> list[Service]:
    """The services that are exported to a proxy, with the addresses that its DNS gives."""
    services = mesh.exported_services(proxy.namespace)
    if not proxy.dns_capture:
        return services
    family = 0 if proxy.has_ipv4 else 1
    return [
        replace(one, addresses=(mesh.allocated[one.key][family],))
        if one.key in mesh.allocated
        else one
        for one in services
    ]


def _sidecar_of(mesh: Mesh, proxy: Proxy) -> Resource[Sidecar] | None:
    """Its namespace's: one that selects it, then one for all; then the root namespace's for all.

    Of several the oldest counts.
    """
    own = [one for one in mesh.of(Sidecar) if one.namespace == proxy.namespace]
    for one in own:
        selector = one.spec.workload_selector
        if selector is not None and selects(selector.labels, proxy.labels):
            return one
    root = [one for one in mesh.of(Sidecar) if one.namespace == mesh.config.root_namespace]
    for one in (*own, *root):
        if one.spec.workload_selector is None:
            return one
    return None


def _egress(
    listener: EgressListener,
    visible: Iterable[Service],
    rules: Iterable[Resource[VirtualService]],
    proxy: Proxy,
    domain: str,
) -> Egress:
    imported = imports(listener.hosts, proxy.namespace)
    ports = _port_of(listener)
    there = (_at(one, ports) for one in visible if imported.service(one.namespace, one.host))
    found = preferred((one for one in there if one is not None), proxy.namespace)
    taken = [one for one in rules if imported.rule(one.namespace, hosts_of(one, domain))]
    return Egress(listener, found, taken, domain)


def _port_of(listener: EgressListener) -> set[int]:
    """The ports of services that a listener is for."""
    port = listener.port
    if port is None or not port.number or parse_protocol(port.protocol) is Protocol.HTTP_PROXY:
        return {EVERY_PORT}
    return {port.number}


def _at(service: Service, ports: set[int]) -> Service | None:
    """The service with some of its ports; None: it has none of them."""
    if EVERY_PORT in ports:
        return service
    left = tuple(port for port in service.ports if port.number in ports)
    if len(left) == len(service.ports):
        return service
    return replace(service, ports=left) if left else None


def _services(
    egress: Iterable[Egress], visible: Mapping[str, Service], namespace: str
) -> dict[str, Service]:
    """What listeners import, and what their rules lead to."""
    found: dict[str, Service] = {}
    for one in egress:
        for service in one.services.values():
            _add(found, service)
        only = _port_of(one.listener)
        for rule in one.rules:
            for host, ports in destinations_of(rule, one.domain, namespace).items():
                led = visible.get(host)
                led = _at(led, ports if EVERY_PORT in only else only) if led is not None else None
                if led is not None:
                    _add(found, led)
    return found


def _add(found: dict[str, Service], service: Service) -> None:
    """Take a service in; of one that is there already, the ports that it lacks."""
    known = found.setdefault(service.host, service)
    more = tuple(port for port in service.ports if port not in known.ports)
    if more:
        found[service.host] = replace(known, ports=known.ports + more)
