"""What decides what a proxy is sent: proxies of one scope share it.

What a workload calls depends on little of it: its namespace, its DNS domain, the families of its
addresses. What calls it depends on the workload itself. So hundreds of proxies of a namespace share
one outbound configuration, and each has a small inbound one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy, ProxyType
from lateen.control.resources.destination_rule import DestinationRule
from lateen.control.resources.sidecar import Sidecar
from lateen.control.resources.telemetry import Telemetry
from lateen.control.resources.virtual_service import VirtualService

Scope = tuple[object, ...]


@dataclass(frozen=True)
class ProxyScopes:
    """The scopes of one proxy.

    Attributes:
        outbound: decides about outbound clusters, listeners, routes and secrets.
        inbound: about inbound clusters and listeners.
        endpoints: about which endpoints it prefers.
    """

    outbound: Scope
    inbound: Scope
    endpoints: Scope


@dataclass(frozen=True)
class Scopes:
    """The scopes of the proxies of a mesh.

    Attributes:
        mesh: at this moment.
    """

    mesh: Mesh

    def of(self, proxy: Proxy) -> ProxyScopes:
        """The scopes of a proxy."""
        outbound = self._outbound(proxy)
        labels = _sorted(proxy.labels)
        addresses = (proxy.addresses, proxy.service_account)
        return ProxyScopes(
            outbound, (outbound, labels, addresses), (outbound, labels, proxy.locality)
        )

    def _outbound(self, proxy: Proxy) -> Scope:
        labels = proxy.labels
        if proxy.type is ProxyType.SIDECAR:
            labels = {name: labels[name] for name in self._labels if name in labels}
        own = tuple(one for one in proxy.addresses if one in self._headless)
        families = (proxy.has_ipv4, proxy.has_ipv6)
        agent = (proxy.interception, proxy.build, proxy.dns_capture, proxy.trusted, proxy.proxyless)
        place = (proxy.type, proxy.namespace, proxy.domain)
        return (*place, families, agent, _sorted(labels), own)

    @cached_property
    def _labels(self) -> frozenset[str]:
        """The labels by which rules tell callers apart."""
        return frozenset(_labels_of_callers(self.mesh))

    @cached_property
    def _headless(self) -> frozenset[str]:
        """The addresses by which headless services are called, by any but the workload itself."""
        headless = (one for one in self.mesh.services.values() if one.is_headless)
        return frozenset(
            endpoint.address for one in headless for endpoint in self.mesh.endpoints[one.key]
        )


def _sorted(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _labels_of_callers(mesh: Mesh) -> Iterator[str]:
    for rule in mesh.of(DestinationRule):
        if rule.spec.workload_selector is not None:
            yield from rule.spec.workload_selector.match_labels
    for telemetry in mesh.of(Telemetry):
        if telemetry.spec.selector is not None:
            yield from telemetry.spec.selector.match_labels
    for sidecar in mesh.of(Sidecar):
        if sidecar.spec.workload_selector is not None:
            yield from sidecar.spec.workload_selector.labels
    for routes in mesh.of(VirtualService):
        spec = routes.spec
        http = (match.source_labels for one in spec.http for match in one.match)
        tls = (match.source_labels for one in spec.tls for match in one.match)
        tcp = (match.source_labels for one in spec.tcp for match in one.match)
        for labels in (*http, *tls, *tcp):
            yield from labels
