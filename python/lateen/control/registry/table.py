"""The services and endpoints of a mesh by key, of which a change makes anew what it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from lateen.control.model.aliases import with_aliases
from lateen.control.model.service import Endpoint, Service
from lateen.control.registry import kubernetes, service_entries
from lateen.control.registry.kubernetes import Addresses
from lateen.control.resources.kubernetes.service import Service as KubernetesService
from lateen.control.resources.meta import Resource
from lateen.control.resources.service_entry import ServiceEntry
from lateen.control.resources.workload_entry import WorkloadEntry

Value = TypeVar("Value")
Inputs = tuple[object, ...]


@dataclass(frozen=True)
class Sources:
    """What services and endpoints are made of.

    Attributes:
        domain: of the cluster.
        trust_domain: of the mesh.
        services: of Kubernetes, the oldest first.
        entries: service entries, the oldest first.
        workloads: that service entries may select.
        addresses: behind services of Kubernetes.
    """

    domain: str
    trust_domain: str
    services: Sequence[Resource[KubernetesService]]
    entries: Sequence[Resource[ServiceEntry]]
    workloads: Sequence[Resource[WorkloadEntry]]
    addresses: Addresses


@dataclass(frozen=True)
class Table:
    """Services and endpoints; of two services with one host in one namespace the older counts.

    Attributes:
        services: by key: the host, and the namespace before it where another has the host.
        written: the services without the names that others give them.
        endpoints: of each service, by key.
        made_of: by key, the resources that decide about the service, and about its endpoints.
    """

    services: Mapping[str, Service] = field(default_factory=dict)
    written: Mapping[str, Service] = field(default_factory=dict)
    endpoints: Mapping[str, Sequence[Endpoint]] = field(default_factory=dict)
    made_of: Mapping[str, tuple[Inputs, Inputs]] = field(default_factory=dict)


def table_of(sources: Sources, before: Table) -> Table:
    """The table; what is made of the same resources as before is taken over, as it is.

    So are endpoints that are equal to those before: a pod that changes is looked at for all.
    """
    services: dict[str, Service] = {}
    endpoints: dict[str, Sequence[Endpoint]] = {}
    made_of: dict[str, tuple[Inputs, Inputs]] = {}
    for one in (*_of_kubernetes(sources), *_of_entries(sources)):
        key = one.host
        if key in services and services[key].namespace != one.namespace:
            key = f"{one.namespace}/{one.host}"
        if key in services:
            continue
        said, behind = before.made_of.get(key, ((), ()))
        made_of[key] = (one.said, one.behind)
        if _same(said, one.said):
            services[key] = before.written[key]
        else:
            made = one.service()
            services[key] = made if key == one.host else replace(made, apart=key)
        if _same(behind, one.behind):
            endpoints[key] = before.endpoints[key]
        else:
            found, known = one.endpoints(), before.endpoints.get(key, ())
            endpoints[key] = known if found == known else found
    written = _kept(services, before.written)
    if written is before.written:
        named = before.services
    else:
        named = _kept(with_aliases(written), before.services)
    return Table(named, written, _kept(endpoints, before.endpoints), made_of)


@dataclass(frozen=True)
class _Host:
    """A host of a namespace, what it is made of and how."""

    host: str
    namespace: str
    said: Inputs
    behind: Inputs
    service: Callable[[], Service]
    endpoints: Callable[[], Sequence[Endpoint]]


def _of_kubernetes(sources: Sources) -> Iterator[_Host]:
    for resource in sources.services:
        yield _Host(
            f"{resource.name}.{resource.namespace}.svc.{sources.domain}",
            resource.namespace,
            (resource,),
            (resource, sources.addresses.pods, *sources.addresses.lists_of(resource)),
            partial(kubernetes.service_of, resource, sources.domain, sources.trust_domain),
            partial(sources.addresses.of, resource),
        )


def _of_entries(sources: Sources) -> Iterator[_Host]:
    for resource in sources.entries:
        selected = resource.spec.workload_selector is not None
        for host in resource.spec.hosts:
            yield _Host(
                host,
                resource.namespace,
                (resource,),
                (resource, sources.workloads if selected else None),
                partial(service_entries.service_of, resource, host),
                partial(service_entries.endpoints_of, resource, host, sources.workloads),
            )


def _same(one: Inputs, other: Inputs) -> bool:
    """Whether both are the very same values; nothing is the same as what never was."""
    same = len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
    return bool(one) and same


def _kept(new: Mapping[str, Value], old: Mapping[str, Value]) -> Mapping[str, Value]:
    """The old mapping where the new one holds the very same values in the same order."""
    same = len(new) == len(old) and all(
        a is b and one == other
        for (one, a), (other, b) in zip(new.items(), old.items(), strict=True)
    )
    return old if same else new
