"""The route tables of a sidecar: one for each port that services carry HTTP on.

Source: pilot/pkg/networking/core/httproute.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from lateen.control.model.hosts import MESH, is_address, is_wildcard, matches
from lateen.control.model.protocol import Protocol
from lateen.control.model.proxy import Proxy
from lateen.control.model.service import UNSPECIFIED, Port, Resolution, Service
from lateen.control.resources.meta import Resource
from lateen.control.resources.virtual_service import VirtualService
from lateen.control.translate import api, names
from lateen.control.translate.reuse import Inputs, Reuse, afresh
from lateen.control.translate.routes.destinations import Destinations
from lateen.control.translate.routes.hashing import hash_of, hash_policy
from lateen.control.translate.routes.matching import route_match
from lateen.control.translate.routes.retries import outbound_retries
from lateen.control.translate.routes.rule import Rule
from lateen.control.translate.scope.rules import hosts_of
from lateen.control.translate.scope.sidecar import Egress, SidecarScope
from lateen.control.translate.unknown import catch_all
from lateen.control.translate.values import UNIX, duration

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
    from envoy.config.route.v3.route_pb2 import RouteConfiguration

_HTTP_PORT = 80
_MAX_BODY = 1 << 20


@dataclass(frozen=True)
class Tables:
    """The tables of one sidecar.

    Attributes:
        inputs: what they are made from.
        reuse: gives parts that were made before.
    """

    inputs: Inputs
    reuse: Reuse = afresh

    @property
    def scope(self) -> SidecarScope:
        """What the sidecar knows."""
        return self.inputs.scope

    def table(self, name: str) -> RouteConfiguration:
        """One table; without virtual hosts where no listener has it.

        Its name is `PORT`; `HOST:PORT` of a service whose protocol the first bytes tell;
        `http_proxy` or the path of a socket (`unix://`), for services of every port.
        """
        host, number = _parts(name)
        egress = self.scope.egress_at(number, name)
        made = empty_table(name)
        if egress is None:
            return made
        if host:
            found = (one for one in self._at(egress, number) if host in one.domains)
            hosts = [_renamed(one, ["*"]) for one in islice(found, 1)]
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
                with_port = (f"{domain}:{port}" for domain in one.domains)
                yield _renamed(one, [*bare, *with_port])

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
        inputs = replace(self.inputs, services=egress.services)
        for host, service in left.items():
            if service.resolution is not Resolution.ALIAS:
                yield from self._of_service(host, port, inputs, taken)

    def _of_service(
        self, host: str, port: int, inputs: Inputs, taken: set[str]
    ) -> Iterator[VirtualHost]:
        """That of a service which no rule is for, under every name that none before it has."""
        make = partial(_own_host, host, port)
        made, names = self.reuse(("virtual host", host, port), inputs, make)
        if taken.isdisjoint(names):
            taken.update(names)
            yield made
        else:
            yield from _host(inputs.services[host], port, made.routes, made.domains, taken)

    def _of_rule(
        self,
        rule: Resource[VirtualService],
        egress: Egress,
        port: int,
        here: dict[str, Service],
        left: dict[str, Service],
        taken: set[str],
    ) -> Iterator[VirtualHost]:
        mine = [host for host in egress.services_of(rule) if host in left]
        if not mine and port != _HTTP_PORT:
            return
        named = hosts_of(rule, self.inputs.mesh.domain)
        others = [one for one in named if not _is_known(one, here)]
        if not mine and not others:
            return
        inputs = replace(self.inputs, services=egress.services)
        key = ("rule", rule.key, rule.version, port)
        routes = self.reuse(key, inputs, partial(_of_virtual_service, rule, port))
        if not routes:
            return
        for host in others:
            if host not in taken:
                taken.add(host)
                yield api.VirtualHost(name=f"{host}:{port}", domains=[host], routes=routes)
        for host in mine:
            domains = _domains(host, port, inputs)
            yield from _host(left.pop(host), port, routes, domains, taken)


def _of_virtual_service(rule: Resource[VirtualService], port: int, inputs: Inputs) -> list[Route]:
    destinations = Destinations(inputs.mesh, inputs.proxy, inputs.services, rule.namespace, port)
    return Rule(rule, destinations, (MESH,)).routes()


def _own_host(host: str, port: int, inputs: Inputs) -> tuple[VirtualHost, frozenset[str]]:
    """The virtual host of a service that no rule is for, and its names in lower case."""
    service = inputs.services[host]
    found = service.port(port)
    routes = [_default_route(inputs, service, found)] if found is not None else []
    domains = _domains(host, port, inputs)
    made = api.VirtualHost(name=f"{host}:{port}", domains=domains, routes=routes)
    return made, frozenset(one.lower() for one in domains)


def _domains(host: str, port: int, inputs: Inputs) -> list[str]:
    """The names of a service; a short one that is another's full name is that one's."""
    service = inputs.services[host]
    own = (host, *service.aliases)
    names = domains_of(service, inputs.proxy)
    return [one for one in names if one in own or not _has(one, port, inputs)]


def _has(host: str, port: int, inputs: Inputs) -> bool:
    """Whether a service of this host carries HTTP, or perhaps does, at a port."""
    service = inputs.services.get(host)
    found = service.port(port) if service is not None else None
    return found is not None and _may_be_http(found)


def _default_route(inputs: Inputs, service: Service, port: Port) -> Route:
    route = api.Route(name="default", match=route_match(None))
    action = route.route
    action.cluster = names.outbound(port.number, "", service.host)
    action.timeout.CopyFrom(duration(0))
    action.max_grpc_timeout.CopyFrom(duration(0))
    retries = outbound_retries(None)
    if retries is not None:
        action.retry_policy.CopyFrom(retries)
    route.decorator.operation = f"{service.host}:{port.number}/*"
    rule = inputs.mesh.rule_for(service, inputs.proxy)
    policy = hash_policy(hash_of(rule.spec if rule else None, "", port.number))
    if policy is not None:
        action.hash_policy.append(policy)
    return route


def _renamed(host: VirtualHost, domains: Iterable[str]) -> VirtualHost:
    """The same under other names; a part that is reused is left as it is."""
    made = api.VirtualHost()
    made.CopyFrom(host)
    made.domains[:] = domains
    return made


def empty_table(name: str) -> RouteConfiguration:
    """A table as all begin, of sidecars and of gateways."""
    made = api.RouteConfiguration(name=name, ignore_port_in_host_matching=True)
    made.validate_clusters.value = False
    made.max_direct_response_body_size_bytes.value = _MAX_BODY
    return made


def is_table(name: str) -> bool:
    """Whether a sidecar's table may have this name."""
    return _is_of_every_port(name) or names.port(name.rpartition(":")[2]) is not None


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
    service: Service, port: int, routes: Iterable[Route], names: Iterable[str], taken: set[str]
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
