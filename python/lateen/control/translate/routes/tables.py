"""The route tables of a sidecar: one for each port that services carry HTTP on.

Source: pilot/pkg/networking/core/httproute.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh, exported
from lateen.control.model.hosts import full_name, is_wildcard, matches
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
from lateen.control.translate.values import duration

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
    from envoy.config.route.v3.route_pb2 import RouteConfiguration

MESH = "mesh"
_HTTP_PORT = 80
_MAX_BODY = 1 << 20


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
    def services(self) -> dict[str, Service]:
        """The services that the sidecar may call, by host."""
        visible = self.mesh.visible_services(self.proxy.namespace)
        return {service.host: service for service in visible}

    @cached_property
    def rules(self) -> list[Resource[VirtualService]]:
        """The virtual services for sidecars that it may see, the oldest first."""
        default = self.mesh.config.default_virtual_service_export_to
        return [
            rule
            for rule in self.mesh.of(VirtualService)
            if MESH in (rule.spec.gateways or (MESH,))
            and exported(rule.spec.export_to or default, rule.namespace, self.proxy.namespace)
        ]

    def names(self) -> list[str]:
        """The tables: `PORT`, and `HOST:PORT` where the protocol is told by the first bytes."""
        found = set()
        for service in self.services.values():
            for port in service.ports:
                if port.protocol.is_http:
                    found.add(str(port.number))
                elif port.protocol is port.protocol.UNSUPPORTED:
                    found.add(f"{service.host}:{port.number}")
        return sorted(found)

    def table(self, name: str) -> RouteConfiguration:
        """One table."""
        host, colon, number = name.rpartition(":")
        hosts = list(self._virtual_hosts(int(number)))
        if colon:
            hosts = [one for one in hosts if host in one.domains][:1]
            for one in hosts:
                one.domains[:] = ["*"]
        else:
            hosts.sort(key=lambda one: one.name)
            hosts.append(self._catch_all())
        made = api.RouteConfiguration(
            name=name, virtual_hosts=hosts, ignore_port_in_host_matching=True
        )
        made.validate_clusters.value = False
        made.max_direct_response_body_size_bytes.value = _MAX_BODY
        return made

    def _virtual_hosts(self, port: int) -> Iterator[VirtualHost]:
        """Those of virtual services, then those of services that none of them is for."""
        here = self._at(port)
        left = dict(here)
        taken: set[str] = set()
        for rule in self.rules:
            yield from self._of_rule(rule, port, here, left, taken)
        for service in left.values():
            found = service.port(port)
            if found is not None and service.resolution is not Resolution.ALIAS:
                route = self._default_route(service, found)
                yield from _host(service, port, [route], self.proxy, taken)

    def _at(self, port: int) -> dict[str, Service]:
        """The services that carry HTTP, or perhaps do, at a port."""
        found = {}
        for host, service in self.services.items():
            here = service.port(port)
            if here is not None and not here.protocol.is_tcp and here.protocol.name != "UDP":
                found[host] = service
        return found

    def _of_rule(
        self,
        rule: Resource[VirtualService],
        port: int,
        here: dict[str, Service],
        left: dict[str, Service],
        taken: set[str],
    ) -> Iterator[VirtualHost]:
        hosts = [full_name(host, rule.namespace, self.mesh.domain) for host in rule.spec.hosts]
        known = [host for host in left if any(one == host or _covers(one, host) for one in hosts)]
        others = [one for one in hosts if not any(matches(one, host) for host in here)]
        if not known and (port != _HTTP_PORT or not others):
            return
        destinations = Destinations(self.mesh, self.proxy, self.services, rule.namespace, port)
        routes = Rule(rule, destinations, (MESH,)).routes()
        if not routes:
            return
        for host in known:
            yield from _host(left.pop(host), port, routes, self.proxy, taken)
        for host in others if port == _HTTP_PORT else ():
            if host.lower() not in taken:
                taken.add(host.lower())
                yield api.VirtualHost(name=f"{host}:{port}", domains=[host], routes=routes)

    def _default_route(self, service: Service, port: Port) -> Route:
        cluster = names.outbound(port.number, "", service.host)
        route = api.Route(name="default", match=route_match(None))
        action = route.route
        action.cluster = cluster
        action.timeout.CopyFrom(duration(0))
        action.max_stream_duration.grpc_timeout_header_max.CopyFrom(duration(0))
        retries = outbound_retries(None)
        if retries is not None:
            action.retry_policy.CopyFrom(retries)
        route.decorator.operation = f"{service.host}:{port.number}/*"
        rules = self.mesh.destination_rules(service, self.proxy.namespace, self.proxy.labels)
        policy = hash_policy(hash_of(rules[0].spec if rules else None, "", port.number))
        if policy is not None:
            action.hash_policy.append(policy)
        return route

    def _catch_all(self) -> VirtualHost:
        """What becomes of hosts that no service has."""
        return catch_all(self.mesh)


def catch_all(mesh: Mesh) -> VirtualHost:
    """The virtual host of hosts that nobody knows: passed on, or refused."""
    if mesh.config.outbound_traffic_policy.mode == "ALLOW_ANY":
        route = api.Route(name="allow_any", match=route_match(None))
        route.route.cluster = names.PASSTHROUGH
        route.route.timeout.CopyFrom(duration(0))
        route.route.max_stream_duration.grpc_timeout_header_max.CopyFrom(duration(0))
        return api.VirtualHost(name="allow_any", domains=["*"], routes=[route])
    refused = api.Route(name="block_all", match=route_match(None))
    refused.direct_response.status = 502
    return api.VirtualHost(name="block_all", domains=["*"], routes=[refused])


def _covers(pattern: str, host: str) -> bool:
    return is_wildcard(pattern) and matches(pattern, host)


def _host(
    service: Service, port: int, routes: Sequence[Route], proxy: Proxy, taken: set[str]
) -> Iterator[VirtualHost]:
    """The virtual host of a service, under every name that none before it has."""
    domains = [one for one in domains_of(service, proxy) if one.lower() not in taken]
    if domains:
        taken.update(one.lower() for one in domains)
        name = f"{service.host}:{port}"
        yield api.VirtualHost(name=name, domains=domains, routes=routes)


def domains_of(service: Service, proxy: Proxy) -> list[str]:
    """The names by which a proxy's application may call a service, and its addresses."""
    host = service.host
    found = [host, *([] if _is_address(host) else [f"{host}."])]
    short, svc, domain = host.partition(".svc.")
    if svc and domain == proxy.cluster_domain:
        name, _, namespace = short.partition(".")
        if namespace == proxy.namespace:
            found.append(name)
        found += [f"{short}.svc", short]
    if service.is_headless and service.source.kind == "Service":
        found += [f"*.{one}" for one in found]
    found += [_in_url(one) for one in service.addresses if one != UNSPECIFIED and "/" not in one]
    return found


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address
