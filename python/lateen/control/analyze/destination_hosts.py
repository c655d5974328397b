"""Destinations of virtual services that nobody serves.

Source: Istio pkg/config/analysis/analyzers/virtualservice/destinationhosts.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.destinations import mirror_destinations, route_destinations
from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import NOT_FOUND, PORT_REQUIRED, SUBSET_NOT_AT_INGRESS
from lateen.control.analyze.services import KnownHosts
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.meta import Resource
from lateen.control.resources.virtual_service import VirtualService


def destination_hosts(resources: Snapshot) -> Iterator[Message]:
    """Looks for the hosts and ports of destinations, and for subsets that gateways pass by."""
    hosts = KnownHosts(resources)
    with_subset = list(_hosts_with_subset(resources))
    for service in resources.of(VirtualService):
        yield from _about_hosts(service, hosts)
        if service.spec.gateways:
            yield from _about_subsets(service, with_subset)


def _about_hosts(service: Resource[VirtualService], hosts: KnownHosts) -> Iterator[Message]:
    destinations = (*route_destinations(service.spec), *mirror_destinations(service.spec))
    for path, destination in destinations:
        at = (*path, "host")
        host = destination.host
        known = hosts.find(host, service.namespace, service.spec.export_to)
        if known is None:
            yield about(NOT_FOUND, service, f"No service has the host {host}", at)
        elif destination.port is None:
            if len(known.ports) > 1:
                ports = ", ".join(str(port) for port in known.ports)
                text = f"Host {host} has the ports {ports}: name one in destination.port"
                yield about(PORT_REQUIRED, service, text, at)
        elif destination.port.number not in known.ports:
            text = f"Host {host} has no port {destination.port.number}"
            yield about(NOT_FOUND, service, text, (*path, "port"))


def _hosts_with_subset(resources: Snapshot) -> Iterator[tuple[str, str]]:
    """Virtual services and those of their own hosts that they route to a subset."""
    for service in resources.of(VirtualService):
        for route in service.spec.http:
            for one in route.route:
                if one.destination.subset and one.destination.host in service.spec.hosts:
                    yield str(service.key), one.destination.host


def _about_subsets(
    service: Resource[VirtualService], with_subset: list[tuple[str, str]]
) -> Iterator[Message]:
    for index, route in enumerate(service.spec.http):
        for number, one in enumerate(route.route):
            if one.destination.subset:
                continue
            for other, host in with_subset:
                if host == one.destination.host:
                    path = ("spec", "http", index, "route", number, "destination", "host")
                    text = f"Requests of the gateways do not get the subsets of {other}: name one"
                    yield about(SUBSET_NOT_AT_INGRESS, service, text, path)
