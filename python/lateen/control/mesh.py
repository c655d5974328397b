"""A mesh at one moment: resources, services and endpoints, with what is looked up in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar, cast

from lateen.config.diagnostics import Diagnostic
from lateen.control.delegates import Delegates
from lateen.control.destination_rules import DestinationRules, destination_rules
from lateen.control.export import EVERYWHERE, exported
from lateen.control.mesh_config import MeshConfig
from lateen.control.model.aliases import with_aliases
from lateen.control.model.hosts import MESH, gateway_name
from lateen.control.model.service import Endpoint, Service
from lateen.control.registry.allocation import allocate
from lateen.control.registry.kubernetes import Addresses, service_of
from lateen.control.registry.service_entries import endpoints_of, services_of
from lateen.control.resources.destination_rule import DestinationRule
from lateen.control.resources.kubernetes.endpoints import Endpoints, EndpointSlice
from lateen.control.resources.kubernetes.pod import Pod
from lateen.control.resources.kubernetes.service import Service as KubernetesService
from lateen.control.resources.meta import Resource
from lateen.control.resources.service_entry import ServiceEntry
from lateen.control.resources.virtual_service import VirtualService
from lateen.control.resources.workload_entry import WorkloadEntry

Spec = TypeVar("Spec")


def preferred(services: Iterable[Service], namespace: str) -> dict[str, Service]:
    """By host, the service that workloads of a namespace call.

    It is the one of their own namespace, else of Kubernetes, else the first.

    Source: pilot/pkg/model/sidecar.go selectServices.
    """

    def rank(service: Service) -> int:
        if service.namespace == namespace:
            return 0
        return 1 if service.source.kind == "Service" else 2

    found: dict[str, Service] = {}
    for service in services:
        known = found.setdefault(service.host, service)
        if rank(service) < rank(known):
            found[service.host] = service
    return found


@dataclass(frozen=True)
class Mesh:
    """A mesh; nothing in it changes.

    Attributes:
        config: what holds for all of it.
        domain: of the cluster.
        resources: all that are valid.
        scope_gateways: Gateways are for proxies of their own namespace alone.
    """

    config: MeshConfig
    domain: str
    resources: Sequence[Resource[object]]
    scope_gateways: bool = False

    def of(self, spec: type[Spec]) -> Sequence[Resource[Spec]]:
        """The resources of one kind, the oldest first."""
        return cast(Sequence[Resource[Spec]], self._by_type.get(spec, ()))

    @cached_property
    def _by_type(self) -> Mapping[type[object], Sequence[Resource[object]]]:
        found: defaultdict[type[object], list[Resource[object]]] = defaultdict(list)
        for resource in sorted(self.resources, key=lambda one: (one.created, one.key)):
            found[type(resource.spec)].append(resource)
        return found

    @cached_property
    def services(self) -> Mapping[str, Service]:
        """Every service by its key; of two with one host in one namespace, the older."""
        found: dict[str, Service] = {}
        for kubernetes in self.of(KubernetesService):
            service = service_of(kubernetes, self.domain, self.config.trust_domain)
            found.setdefault(service.host, service)
        for entry in self.of(ServiceEntry):
            for service in services_of(entry):
                known = found.setdefault(service.host, service)
                if known.namespace != service.namespace:
                    apart = f"{service.namespace}/{service.host}"
                    found.setdefault(apart, replace(service, apart=apart))
        return with_aliases(found)

    @cached_property
    def endpoints(self) -> Mapping[str, Sequence[Endpoint]]:
        """The endpoints of every service by its key."""
        addresses = Addresses(self.of(EndpointSlice), self.of(Endpoints), self.of(Pod))
        kubernetes = {one.key: one for one in self.of(KubernetesService)}
        entries = {one.key: one for one in self.of(ServiceEntry)}
        workloads = self.of(WorkloadEntry)
        return {
            key: addresses.of(kubernetes[service.source])
            if service.source in kubernetes
            else endpoints_of(entries[service.source], service.host, workloads)
            for key, service in self.services.items()
        }

    @cached_property
    def allocated(self) -> Mapping[str, tuple[str, str]]:
        """By key, addresses of services that have none, for proxies whose DNS tells them."""
        return allocate(self.services.values())

    def visible_services(self, namespace: str) -> list[Service]:
        """The services that workloads of a namespace may know of, one of each host."""
        return list(preferred(self.exported_services(namespace), namespace).values())

    def service(self, host: str, namespace: str) -> Service | None:
        """The service of a host, as workloads of a namespace know it."""
        default = self.config.default_service_export_to
        there = (
            service
            for service in self._by_host.get(host, ())
            if exported(service.export_to or default, service.namespace, namespace)
        )
        return preferred(there, namespace).get(host)

    @cached_property
    def _by_host(self) -> Mapping[str, Sequence[Service]]:
        found: defaultdict[str, list[Service]] = defaultdict(list)
        for service in self.services.values():
            found[service.host].append(service)
        return found

    def exported_services(self, namespace: str) -> list[Service]:
        """All services that are exported to a namespace, also several of one host."""
        default = self.config.default_service_export_to
        return [
            service
            for service in self.services.values()
            if exported(service.export_to or default, service.namespace, namespace)
        ]

    def destination_rule(
        self, service: Service, namespace: str, labels: Mapping[str, str]
    ) -> Resource[DestinationRule] | None:
        """The rule of a service for callers with `labels` in a namespace."""
        return self._destination_rules.of(service, namespace, labels)

    @cached_property
    def _destination_rules(self) -> DestinationRules:
        config = self.config
        default = config.default_destination_rule_export_to
        rules = self.of(DestinationRule)
        return destination_rules(rules, self.domain, config.root_namespace, default)

    def virtual_services_of(self, gateway: str, namespace: str) -> list[Resource[VirtualService]]:
        """The virtual services of a gateway that workloads of a namespace may see, in order.

        Those that are exported to this namespace alone come first, then to some, then to all;
        among equals the oldest.

        Args:
            gateway: as `NAMESPACE/NAME`.

        Source: pilot/pkg/model/push_context.go VirtualServicesForGateway.
        """
        default = self.config.default_virtual_service_export_to

        def rank(rule: Resource[VirtualService]) -> int:
            names = set(rule.spec.export_to or default)
            if EVERYWHERE in names:
                return 2
            return 0 if rule.namespace == namespace else 1

        seen = (
            rule
            for rule in self.bound_to(gateway)
            if exported(rule.spec.export_to or default, rule.namespace, namespace)
        )
        return sorted(seen, key=rank)

    def bound_to(self, gateway: str) -> Sequence[Resource[VirtualService]]:
        """All virtual services of a gateway, the oldest first."""
        return self._bound.get(gateway, ())

    @property
    def delegate_problems(self) -> Sequence[Diagnostic]:
        """Routes of virtual services whose delegates cannot decide."""
        return self._merged[1]

    @cached_property
    def _merged(self) -> tuple[Sequence[Resource[VirtualService]], Sequence[Diagnostic]]:
        """Virtual services with the routes of their delegates."""
        default = self.config.default_virtual_service_export_to
        delegates = Delegates(self.of(VirtualService), self.domain, default)
        return delegates.merged(), delegates.problems

    @cached_property
    def _bound(self) -> Mapping[str, Sequence[Resource[VirtualService]]]:
        """Virtual services by the gateways that they name."""
        found: defaultdict[str, list[Resource[VirtualService]]] = defaultdict(list)
        for rule in self._merged[0]:
            named = (gateway_name(one, rule.namespace) for one in rule.spec.gateways or (MESH,))
            for gateway in dict.fromkeys(named):
                found[gateway].append(rule)
        return found
