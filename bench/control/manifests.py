"""The mesh of the bench as manifests: one file a service, one more for its endpoints."""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

NAMESPACES = 10
ENDPOINTS = 10
PORT = 80
#: One in so many services has a VirtualService, and another one a DestinationRule.
RULES_EVERY = 10
_VIRTUAL, _PODS = int(IPv4Address("10.96.0.1")), int(IPv4Address("10.128.0.1"))

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{clusterIP: {address}, ports: [{{name: http, port: {port}, targetPort: 8080}}]}}
"""
SLICE = """\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {name}-1
  namespace: {namespace}
  labels: {{kubernetes.io/service-name: {name}}}
addressType: IPv4
ports: [{{name: http, port: 8080}}]
endpoints:
{endpoints}
"""
ROUTES = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  hosts: [{name}]
  http: [{{route: [{{destination: {{host: {name}}}}}], timeout: {timeout}s}}]
"""
RULE = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  host: {name}
  trafficPolicy: {{connectionPool: {{tcp: {{maxConnections: 1000}}}}}}
"""


@dataclass(frozen=True)
class Service:
    """One service; its number tells everything about it."""

    number: int

    @property
    def name(self) -> str:
        """Its name."""
        return f"service-{self.number}"

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return f"ns-{self.number % NAMESPACES}"

    @property
    def cluster(self) -> str:
        """What proxies call it."""
        return f"outbound|{PORT}||{self.name}.{self.namespace}.svc.cluster.local"

    def address(self, endpoint: int) -> str:
        """The address of one of its endpoints."""
        return str(IPv4Address(_PODS + 256 * self.number + endpoint))


@dataclass(frozen=True)
class Directory:
    """The directory that the control plane reads."""

    path: Path
    services: int

    def write(self) -> None:
        """Write everything."""
        for folder in ("services", "endpoints", "rules"):
            (self.path / folder).mkdir()
        for number in range(self.services):
            service = Service(number)
            address = IPv4Address(_VIRTUAL + number)
            self._put("services", service, SERVICE, address=address, port=PORT)
            self.put_endpoints(service)
            if number % RULES_EVERY == 0:
                self.put_routes(service, 10)
            if number % RULES_EVERY == 1:
                self._put("rules", service, RULE)

    def put_endpoints(self, service: Service, moved: int = 0) -> None:
        """Write the endpoints of a service, the first of them at another address when `moved`."""
        numbers = [ENDPOINTS + moved if moved else 0, *range(1, ENDPOINTS)]
        lines = (f"- addresses: [{service.address(number)}]" for number in numbers)
        self._put("endpoints", service, SLICE, endpoints="\n".join(lines))

    def put_routes(self, service: Service, timeout: int) -> None:
        """Write the virtual service of a service."""
        self._put("rules", service, ROUTES, timeout=timeout)

    def _put(self, folder: str, service: Service, text: str, **fields: object) -> None:
        """In one step, so that no half of a file is read."""
        path = self.path / folder / f"{service.name}.yaml"
        part = path.with_suffix(".part")
        part.write_text(text.format(name=service.name, namespace=service.namespace, **fields))
        os.replace(part, path)
