"""A mesh at one moment: resources, services and endpoints, with what is looked up in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast

from lateen.control.mesh_config import MeshConfig
from lateen.control.model.hosts import MESH, full_name, gateway_name, most_specific
from lateen.control.model.service import Endpoint, Service
from lateen.control.registry.kubernetes import Addresses, service_of
from lateen.control.registry.service_entries import endpoints_of, services_of
from lateen.control.resources.destination_rule import DestinationRule
from lateen.control.resources.kubernetes.endpoints import Endpoints, EndpointSlice
from lateen.control.resources.kubernetes.pod import Pod
from lateen.control.resources.kubernetes.service import Service as KubernetesService
from lateen.control.resources.meta import Resource
from lateen.control.resources.selectors import selects
from lateen.control.resources.service_entry import ServiceEntry
from lateen.control.resources.virtual_service import VirtualService
from lateen.control.resources.workload_entry import WorkloadEntry

Spec = TypeVar("Spec")
EVERYWHERE, HERE, NOWHERE = "*", ".", "~"


def exported(export_to: Iterable[str], owner: str, namespace: str) -> bool:
    """Whether what a namespace owns may be seen in another."""
    named = set(export_to)
    if NOWHERE in named:
        return False
    return EVERYWHERE in named or namespace in named or (HERE in named and owner == namespace)


@dataclass(frozen=True)
class Mesh:
    """A mesh; nothing in it changes.

    Attributes:
        config: what holds for all of it.
        domain: of the cluster.
        resources: all that are valid.
    """

    config: MeshConfig
    domain: str
    resources: Sequence[Resource[object]]

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
        """Every service by its host; of two with one host, the older."""
        found: dict[str, Service] = {}
        for kubernetes in self.of(KubernetesService):
            service = service_of(kubernetes, self.domain, self.config.trust_domain)
            found.setdefault(service.host, service)
        for entry in self.of(ServiceEntry):
            for service in services_of(entry):
                found.setdefault(service.host, service)
        return found

    @cached_property
    def endpoints(self) -> Mapping[str, Sequence[Endpoint]]:
        """The endpoints of every service by its host."""
        addresses = Addresses(self.of(EndpointSlice), self.of(Endpoints), self.of(Pod))
        found: dict[str, Sequence[Endpoint]] = {}
        for kubernetes in self.of(KubernetesService):
            host = f"{kubernetes.name}.{kubernetes.namespace}.svc.{self.domain}"
            found.setdefault(host, addresses.of(kubernetes))
        workloads = self.of(WorkloadEntry)
        for entry in self.of(ServiceEntry):
            for host in entry.spec.hosts:
                found.setdefault(host, endpoints_of(entry, host, workloads))
        return found

    def visible_services(self, namespace: str) -> list[Service]:
        """The services that workloads of a namespace may know of."""
        default = self.config.default_service_export_to
        return [
            service
            for service in self.services.values()
            if exported(service.export_to or default, service.namespace, namespace)
        ]

    def destination_rules(
        self, service: Service, namespace: str, labels: Mapping[str, str]
    ) -> list[Resource[DestinationRule]]:
        """The rules of a service for callers of a namespace: the nearest namespace's that has any.

        That is the callers' own, the service's, the root namespace; in each, those of the most
        specific host. A rule with a workload selector is for callers with its labels.
        """
        root = self.config.root_namespace
        default = self.config.default_destination_rule_export_to
        for owner in dict.fromkeys((namespace, service.namespace, root)):
            found = [
                rule
                for rule in most_specific(service.host, self._rules.get(owner, {})) or ()
                if owner == namespace or exported(rule.spec.export_to or default, owner, namespace)
            ]
            found = [rule for rule in found if _selected(rule, labels)]
            if found:
                return found
        return []

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
            for rule in self._bound.get(gateway, ())
            if exported(rule.spec.export_to or default, rule.namespace, namespace)
        )
        return sorted(seen, key=rank)

    @cached_property
    def _bound(self) -> Mapping[str, Sequence[Resource[VirtualService]]]:
        """Virtual services by the gateways that they name."""
        found: defaultdict[str, list[Resource[VirtualService]]] = defaultdict(list)
        for rule in self.of(VirtualService):
            named = (gateway_name(one, rule.namespace) for one in rule.spec.gateways or (MESH,))
            for gateway in dict.fromkeys(named):
                found[gateway].append(rule)
        return found

    def subset_labels(self, service: Service, subset: str) -> Mapping[str, str] | None:
        """The labels of a subset, whoever may see its rule; None: there is no such subset."""
        if not subset:
            return {}
        for by_host in self._rules.values():
            for rule in most_specific(service.host, by_host) or ():
                for one in rule.spec.subsets:
                    if one.name == subset:
                        return one.labels
        return None

    @cached_property
    def _rules(self) -> Mapping[str, Mapping[str, Sequence[Resource[DestinationRule]]]]:
        """Destination rules by namespace and full host."""
        found: defaultdict[str, defaultdict[str, list[Resource[DestinationRule]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for rule in self.of(DestinationRule):
            host = full_name(rule.spec.host, rule.namespace, self.domain)
            found[rule.namespace][host].append(rule)
        return found


def _selected(rule: Resource[DestinationRule], labels: Mapping[str, str]) -> bool:
    selector = rule.spec.workload_selector
    return selector is None or selects(selector.match_labels, labels)
