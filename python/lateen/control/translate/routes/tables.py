"""The route tables of a sidecar: one for each port that services carry HTTP on.

Source: pilot/pkg/networking/core/httproute.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.hosts import MESH, is_address, is_wildcard, matches
from lateen.control.model.protocol import Protocol
from lateen.control.model.proxy import Proxy
from lateen.control.model.service import UNSPECIFIED, Port, Resolution, Service
from lateen.control.resources.meta import Resource
from lateen.control.resources.virtual_service import VirtualService
from lateen.control.translate import api, names
from lateen.control.translate.routes.destinations import Destinations
from lateen.control.translate.routes.hashing import hash_of, hash_policy
from lateen.control.translate.routes.matching import route_match
from lateen.control.translate.routes.retries import outbound_retries
from lateen.control.translate.routes.rule import Rule
from lateen.control.translate.scope.rules import hosts_of
from lateen.control.translate.scope.sidecar import Egress, SidecarScope, sidecar_scope
from lateen.control.translate.unknown import catch_all
from lateen.control.translate.values import UNIX, duration

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
    from envoy.config.route.v3.route_pb2 import RouteConfiguration

_HTTP_PORT = 80
MAX_BODY = 1 << 20


@dataclass(frozen=True)
class Tables:
    """The tables of one sidecar.

    Attributes:
        mesh: at this moment.
        proxy: the sidecar.
    """

    mesh: Mesh
    proxy: Proxy

    @cached_property
    def scope(self) -> SidecarScope:
        """What the sidecar knows."""
        return sidecar_scope(self.mesh, self.proxy)

    def table(self, name: str) -> RouteConfiguration:
        """One table; without virtual hosts where no listener has it.

        Its name is `PORT`; `HOST:PORT` of a service whose protocol the first bytes tell;
        `http_proxy` or the path of a socket (`unix://`), for services of every port.
        """
        host, number = _parts(name)
        egress = self.scope.egress_at(number, name)
        made = api.RouteConfiguration(name=name, ignore_port_in_host_matching=True)
        made.validate_clusters.value = False
        made.max_direct_response_body_size_bytes.value = MAX_BODY
        if egress is None:
            return made
        if host:
            hosts = [one for one in self._at(egress, number) if host in one.domains][:1]
            for one in hosts:
                one.domains[:] = ["*"]
        elif number and not egress.is_http_proxy:
            hosts = [*_sorted(self._at(egress, number)), catch_all(self.scope.outbound)]
        else:
            hosts = [*_sorted(self._at_every_port(egress)), catch_all(self.scope.outbound)]
            made.ignore_port_in_host_matching = False
        made.virtual_hosts.extend(hosts)
        return made

    def _at_every_port(self, egress: Egress) -> Iterator[VirtualHost]:
        """Virtual hosts whose domains tell the port, which may be left out when it is HTTP's.

        (Istio writes these domains, too, but lets the proxy ignore the port of a request.)
        """
        ports = {
            port.number
            for service in egress.services.values()
            for port in service.ports
            if _may_be_http(port)
        }
        for port in sorted(ports):
            for one in self._at(egress, port):
                bare = [*one.domains] if port == _HTTP_PORT else []
                one.domains[:] = [*bare, *(f"{domain}:{port}" for domain in one.domains)]
                yield one

    def _at(self, egress: Egress, port: int) -> Iterator[VirtualHost]:
        """Those of virtual services, then those of services that none of them is for."""
        here = {
            service.host: service
            for service in egress.services.values()
            if (found := service.port(port)) is not None and _may_be_http(found)
        }
        left = dict(here)
        taken: set[str] = set()
        for rule in egress.rules:
            yield from self._of_rule(rule, egress, port, here, left, taken)
        for service in left.values():
            found = service.port(port)
            if found is not None and service.resolution is not Resolution.ALIAS:
                route = self._default_route(service, found)
                yield from _host(service, port, [route], self._names(service, here), taken)

    def _of_rule(
        self,
        rule: Resource[VirtualService],
        egress: Egress,
        port: int,
        here: dict[str, Service],
        left: dict[str, Service],
        taken: set[str],
    ) -> Iterator[VirtualHost]:
        named = hosts_of(rule, self.mesh.domain)
        mine = [host for host in egress.services_of(rule) if host in left]
        others = [one for one in named if not _is_known(one, here)]
        if not mine and (port != _HTTP_PORT or not others):
            return
        destinations = Destinations(self.mesh, self.proxy, egress.services, rule.namespace, port)
        routes = Rule(rule, destinations, (MESH,)).routes()
        if not routes:
            return
        for host in others:
            if host not in taken:
                taken.add(host)
                yield api.VirtualHost(name=f"{host}:{port}", domains=[host], routes=routes)
        for host in mine:
            service = left.pop(host)
            yield from _host(service, port, routes, self._names(service, here), taken)

    def _names(self, service: Service, here: Mapping[str, Service]) -> list[str]:
        """The names of a service; a short one that is another's full name is that one's."""
        names = domains_of(service, self.proxy)
        own = (service.host, *service.aliases)
        return [one for one in names if one in own or one not in here]

    def _default_route(self, service: Service, port: Port) -> Route:
        cluster = names.outbound(port.number, "", service.host)
        route = api.Route(name="default", match=route_match(None))
        action = route.route
        action.cluster = cluster
        action.timeout.CopyFrom(duration(0))
        action.max_grpc_timeout.CopyFrom(duration(0))
        retries = outbound_retries(None)
        if retries is not None:
            action.retry_policy.CopyFrom(retries)
        route.decorator.operation = f"{service.host}:{port.number}/*"
        rule = self.mesh.destination_rule(service, self.proxy.namespace, self.proxy.labels)
        policy = hash_policy(hash_of(rule.spec if rule else None, "", port.number))
        if policy is not None:
            action.hash_policy.append(policy)
        return route


def is_table(name: str) -> bool:
    """Whether a sidecar's table may have this name."""
    return _is_of_every_port(name) or name.rpartition(":")[2].isdigit()


def _is_of_every_port(name: str) -> bool:
    return name == names.HTTP_PROXY_TABLE or name.startswith(UNIX)


def _parts(name: str) -> tuple[str, int]:
    """Host and port that a table's name tells; port 0: every."""
    if _is_of_every_port(name):
        return "", 0
    host, _, port = name.rpartition(":")
    return host, int(port)


def _may_be_http(port: Port) -> bool:
    return not port.protocol.is_tcp and port.protocol is not Protocol.UDP


def _sorted(hosts: Iterator[VirtualHost]) -> list[VirtualHost]:
    return sorted(hosts, key=lambda one: one.name)


def _is_known(host: str, services: Mapping[str, Service]) -> bool:
    """Whether a host of a rule is one of the services, or a wildcard for some of them."""
    return host in services or (is_wildcard(host) and any(matches(host, one) for one in services))


def _host(
    service: Service, port: int, routes: Sequence[Route], names: Iterable[str], taken: set[str]
) -> Iterator[VirtualHost]:
    """The virtual host of a service, under every name that none before it has."""
    domains = [one for one in names if one.lower() not in taken]
    if domains:
        taken.update(one.lower() for one in domains)
        name = f"{service.host}:{port}"
        yield api.VirtualHost(name=name, domains=domains, routes=routes)


def domains_of(service: Service, proxy: Proxy) -> list[str]:
    """The names by which a proxy's application may call a service, and its addresses."""
    found = [name for host in (service.host, *service.aliases) for name in _names(host, proxy)]
    if service.is_headless and service.source.kind == "Service":
        found += [f"*.{one}" for one in found]
    found += [_in_url(one) for one in service.addresses if one != UNSPECIFIED and "/" not in one]
    return found


def _names(host: str, proxy: Proxy) -> list[str]:
    """A host as applications of the proxy's namespace may write it."""
    found = [host, *([] if is_address(host) else [f"{host}."])]
    short, svc, domain = host.partition(".svc.")
    if svc and domain == proxy.cluster_domain:
        name, _, namespace = short.partition(".")
        if namespace == proxy.namespace:
            found.append(name)
        found += [f"{short}.svc", short]
    return found


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address
