"""A mesh at one moment: resources, services and endpoints, with what is looked up in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from functools import cached_property
from typing import TypeVar, cast

from lateen.config.diagnostics import Diagnostic
from lateen.control.delegates import Delegates
from lateen.control.destination_rules import destination_rules
from lateen.control.export import EVERYWHERE, exported
from lateen.control.mesh_config import MeshConfig
from lateen.control.mesh_tables import Bound, ByType, Kept, KnownRules, same_or
from lateen.control.model.hosts import MESH, gateway_name
from lateen.control.model.proxy import Proxy
from lateen.control.model.service import Endpoint, Service
from lateen.control.registry.allocation import allocate
from lateen.control.registry.kubernetes import Addresses
from lateen.control.registry.table import Sources, Table, table_of
from lateen.control.resources.destination_rule import DestinationRule
from lateen.control.resources.kinds import KINDS
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
        before: a mesh of the same config, whose tables are taken over where they are the same.
    """

    config: MeshConfig
    domain: str
    resources: Sequence[Resource[object]]
    scope_gateways: bool = False
    before: InitVar[Mesh | None] = None
    _kept: Kept = field(default_factory=Kept, init=False, repr=False, compare=False)

    def __post_init__(self, before: Mesh | None) -> None:
        if before is not None:
            object.__setattr__(self, "_kept", before._tables())

    def after(self, config: MeshConfig, resources: Sequence[Resource[object]]) -> Mesh:
        """The mesh with other resources; what is looked up in it is the same where it may be."""
        before = self if config == self.config else None
        return Mesh(config, self.domain, resources, self.scope_gateways, before)

    def _tables(self) -> Kept:
        return Kept(
            self._by_type,
            self._table,
            self._keys,
            self._visible,
            self._rules,
            self._bound,
        )

    @cached_property
    def unchanged(self) -> frozenset[Hashable]:
        """Which lookups find what they found in the mesh before, whatever is asked.

        They are named by the attribute or method; those of one kind by `("of", KIND)`.
        """
        kept = self._kept
        if not kept.by_type:
            return frozenset()
        kinds = {
            kind.spec
            for kind in KINDS.values()
            if self._by_type.get(kind.spec) is kept.by_type.get(kind.spec)
        }
        same: set[Hashable] = {"config", "domain", "scope_gateways"}
        same.update(("of", kind) for kind in kinds)
        if self.services is kept.table.services:
            same |= {"services", "service", "visible_services", "exported_services", "allocated"}
        if self.endpoints is kept.table.endpoints:
            same |= {"endpoints", "serving"}
        if self._rules is kept.rules:
            same |= {"rule_for", "destination_rule"}
        if VirtualService in kinds:
            same |= {"virtual_services_of", "bound_to"}
        return frozenset(same)

    def of(self, spec: type[Spec]) -> Sequence[Resource[Spec]]:
        """The resources of one kind, the oldest first."""
        return cast(Sequence[Resource[Spec]], self._by_type.get(spec, ()))

    @cached_property
    def _by_type(self) -> ByType:
        found: defaultdict[type[object], list[Resource[object]]] = defaultdict(list)
        for resource in sorted(self.resources, key=lambda one: (one.created, one.key)):
            found[type(resource.spec)].append(resource)
        before = self._kept.by_type
        return {kind: same_or(tuple(new), before.get(kind, ())) for kind, new in found.items()}

    @property
    def services(self) -> Mapping[str, Service]:
        """Every service by its key; of two with one host in one namespace, the older."""
        return self._table.services

    @property
    def endpoints(self) -> Mapping[str, Sequence[Endpoint]]:
        """The endpoints of every service by its key."""
        return self._table.endpoints

    @cached_property
    def _table(self) -> Table:
        sources = Sources(
            self.domain,
            self.config.trust_domain,
            self.of(KubernetesService),
            self.of(ServiceEntry),
            self.of(WorkloadEntry),
            Addresses(self.of(EndpointSlice), self.of(Endpoints), self.of(Pod)),
        )
        return table_of(sources, self._kept.table)

    def serving(self, address: str) -> Sequence[str]:
        """The keys of the services that have an endpoint at an address."""
        return self._keys.get(address, ())

    @cached_property
    def _keys(self) -> Mapping[str, Sequence[str]]:
        before = self._kept.table.endpoints
        found = dict(self._kept.keys)
        for key in before.keys() | self.endpoints.keys():
            old, new = before.get(key, ()), self.endpoints.get(key, ())
            if old is not new:
                for address in {one.address for one in old}:
                    if left := tuple(one for one in found.pop(address) if one != key):
                        found[address] = left
                for address in {one.address for one in new}:
                    found[address] = (*found.get(address, ()), key)
        return found

    @cached_property
    def allocated(self) -> Mapping[str, tuple[str, str]]:
        """By key, addresses of services that have none, for proxies whose DNS tells them."""
        return allocate(self.services.values())

    def visible_services(self, namespace: str) -> list[Service]:
        """The services that workloads of a namespace may know of, one of each host."""
        if namespace not in self._visible:
            found = preferred(self.exported_services(namespace), namespace)
            self._visible[namespace] = list(found.values())
        return self._visible[namespace]

    @cached_property
    def _visible(self) -> dict[str, list[Service]]:
        return self._kept.visible if self.services is self._kept.table.services else {}

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

    def rule_for(self, service: Service, caller: Proxy) -> Resource[DestinationRule] | None:
        """The rule of a service for a proxy that calls it."""
        return self.destination_rule(service, caller.namespace, caller.labels)

    def destination_rule(
        self, service: Service, namespace: str, labels: Mapping[str, str]
    ) -> Resource[DestinationRule] | None:
        """The rule of a service for callers with `labels` in a namespace."""
        return self._rules.of(service, namespace, labels)

    @cached_property
    def _rules(self) -> KnownRules:
        rules = self.of(DestinationRule)
        same = rules is self._kept.by_type.get(DestinationRule, ())
        if same and self._kept.rules is not None:
            return self._kept.rules
        config = self.config
        default = config.default_destination_rule_export_to
        selectors = (one.spec.workload_selector for one in rules)
        names = {name for one in selectors if one is not None for name in one.match_labels}
        made = destination_rules(rules, self.domain, config.root_namespace, default)
        return KnownRules(made, tuple(sorted(names)))

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
    def _bound(self) -> Bound:
        """Virtual services by the gateways that they name."""
        if self.of(VirtualService) is self._kept.by_type.get(VirtualService):
            return self._kept.bound
        found: defaultdict[str, list[Resource[VirtualService]]] = defaultdict(list)
        for rule in self._merged[0]:
            named = (gateway_name(one, rule.namespace) for one in rule.spec.gateways or (MESH,))
            for gateway in dict.fromkeys(named):
                found[gateway].append(rule)
        return found
