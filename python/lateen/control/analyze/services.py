"""Hosts that can be called, and from where.

Source: Istio pkg/config/analysis/analyzers/util/service_lookup.go, hosts.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lateen.control.analyze.snapshot import Snapshot
from lateen.control.model.hosts import full_name, is_wildcard
from lateen.control.resources.kubernetes.service import Service
from lateen.control.resources.service_entry import ServiceEntry

_DOMAIN = "cluster.local"
_EXPORT_TO = "networking.istio.io/exportTo"
EVERYWHERE = "*"


def fqdn(host: str, namespace: str) -> str:
    """The full name of a host that a resource of a namespace names."""
    return full_name(host, namespace, _DOMAIN)


def scopes(exports: Sequence[str], namespace: str) -> list[str]:
    """Where something is seen: `*`, or namespaces."""
    if not exports or EVERYWHERE in exports:
        return [EVERYWHERE]
    return sorted({namespace if one == "." else one for one in exports})


@dataclass(frozen=True)
class KnownHost:
    """A host that can be called.

    Attributes:
        host: its full name, or a wildcard.
        ports: that it has.
        selector: labels of its endpoints, as far as it says so.
    """

    host: str
    ports: tuple[int, ...]
    selector: tuple[tuple[str, str], ...] = ()


class KnownHosts:
    """The hosts of services and service entries, by who sees them."""

    def __init__(self, resources: Snapshot) -> None:
        self._hosts: dict[tuple[str, str], KnownHost] = {}
        for scope, host in (*_of_entries(resources), *_of_services(resources)):
            self._hosts[scope, host.host] = host

    def find(self, host: str, namespace: str, exports: Sequence[str]) -> KnownHost | None:
        """What a resource means by a host.

        Args:
            host: as it is written.
            namespace: of the resource.
            exports: of the resource.
        """
        name = fqdn(host, namespace)
        seen_from = [namespace if one == "." else one for one in exports] or [namespace]
        for scope in (EVERYWHERE, *seen_from):
            if (scope, name) in self._hosts:
                return self._hosts[scope, name]
        bare = host.removeprefix("*")
        for (scope, known), found in self._hosts.items():
            visible = scope in (EVERYWHERE, namespace)
            if visible and is_wildcard(known) and bare.endswith(known.removeprefix("*")):
                return found
        return None


def _of_entries(resources: Snapshot) -> Iterator[tuple[str, KnownHost]]:
    for entry in resources.of(ServiceEntry):
        ports = tuple(port.number for port in entry.spec.ports)
        chosen = entry.spec.workload_selector
        selector = tuple(chosen.labels.items()) if chosen is not None else ()
        for host in entry.spec.hosts:
            for scope in scopes(entry.spec.export_to, entry.namespace):
                yield scope, KnownHost(fqdn(host, entry.namespace), ports, selector)


def _of_services(resources: Snapshot) -> Iterator[tuple[str, KnownHost]]:
    for service in resources.of(Service):
        ports = tuple(port.port for port in service.spec.ports)
        known = KnownHost(fqdn(service.name, service.namespace), ports)
        written = service.annotations.get(_EXPORT_TO, "")
        exports = [one.strip() for one in written.split(",")] if written else []
        for scope in scopes(exports, service.namespace):
            yield scope, known
