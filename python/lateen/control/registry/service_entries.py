"""ServiceEntries and WorkloadEntries as services and endpoints.

Source: pilot/pkg/serviceregistry/serviceentry/conversion.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network

from lateen.control.model.hosts import is_address
from lateen.control.model.locality import of_label, placed
from lateen.control.model.protocol import parse_protocol
from lateen.control.model.service import (
    TLS_MODE_LABEL,
    UNSPECIFIED,
    Endpoint,
    Port,
    Resolution,
    Service,
)
from lateen.control.registry.nearness import near_of
from lateen.control.resources.meta import Resource
from lateen.control.resources.selectors import selects
from lateen.control.resources.service_entry import ServiceEntry
from lateen.control.resources.traffic import Port as SpecPort
from lateen.control.resources.workload_entry import WorkloadEntry

_UNIX = "unix://"
_RESOLUTIONS = {
    "NONE": Resolution.PASSTHROUGH,
    "STATIC": Resolution.STATIC,
    "DNS": Resolution.DNS,
    "DNS_ROUND_ROBIN": Resolution.DNS_ROUND_ROBIN,
    "DYNAMIC_DNS": Resolution.DNS_ROUND_ROBIN,
}
_BY_DNS = (Resolution.DNS, Resolution.DNS_ROUND_ROBIN)


def service_of(resource: Resource[ServiceEntry], host: str) -> Service:
    """The service of one of its hosts."""
    spec = resource.spec
    return Service(
        host=host,
        name=host,
        namespace=resource.namespace,
        ports=tuple(Port(one.name, one.number, parse_protocol(one.protocol)) for one in spec.ports),
        addresses=tuple(_addresses(spec.addresses)) or (UNSPECIFIED,),
        resolution=_RESOLUTIONS[spec.resolution],
        source=resource.key,
        mesh_external=spec.location == "MESH_EXTERNAL",
        export_to=frozenset(spec.export_to) or None,
        labels=resource.labels,
        service_accounts=spec.subject_alt_names,
        subject_alt_names=spec.subject_alt_names,
        created=resource.created,
        selects=spec.workload_selector is not None,
        near=near_of("", resource.annotations),
    )


def _addresses(written: Sequence[str]) -> Iterator[str]:
    """Addresses and ranges; a range of one address is that address."""
    for text in written:
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            continue
        yield str(network.network_address) if network.num_addresses == 1 else text


def endpoints_of(
    resource: Resource[ServiceEntry], host: str, workloads: Sequence[Resource[WorkloadEntry]]
) -> list[Endpoint]:
    """The endpoints of one host of a service entry.

    Args:
        host: one of its hosts; it is the endpoint itself when DNS finds it and no other is named.
        workloads: those of the whole mesh, of which its selector takes some.
    """
    spec = resource.spec
    if spec.workload_selector is not None:
        wanted = spec.workload_selector.labels
        chosen = [
            (workload.spec, workload.name, {**workload.spec.labels, **workload.labels})
            for workload in workloads
            if workload.namespace == resource.namespace
        ]
        chosen = [one for one in chosen if selects(wanted, one[2]) and _usable(one[0], spec)]
        return [found for one in chosen for found in _of_workload(*one, resource)]
    if not spec.endpoints and _RESOLUTIONS[spec.resolution] in _BY_DNS:
        namespace, name = resource.namespace, resource.name
        return [
            Endpoint(
                host, port.target_port or port.number, port.name, namespace=namespace, workload=name
            )
            for port in spec.ports
        ]
    return [
        found
        for index, entry in enumerate(spec.endpoints)
        for found in _of_workload(entry, f"{resource.name}-{index}", entry.labels, resource)
    ]


def _usable(workload: WorkloadEntry, service: ServiceEntry) -> bool:
    """Whether the address is one that the service's resolution can use: a name needs DNS."""
    return is_address(workload.address) or _RESOLUTIONS[service.resolution] in _BY_DNS


def _of_workload(
    entry: WorkloadEntry,
    name: str,
    labels: Mapping[str, str],
    resource: Resource[ServiceEntry],
) -> Iterator[Endpoint]:
    if entry.service_account and TLS_MODE_LABEL not in labels:
        labels = {**labels, TLS_MODE_LABEL: "istio"}
    locality = entry.locality or of_label(labels)
    labels = placed(labels, locality, entry.network)
    for port in resource.spec.ports:
        yield Endpoint(
            address=entry.address,
            port=_number(entry, port),
            service_port=port.name,
            labels=labels,
            locality=locality,
            weight=entry.weight,
            service_account=entry.service_account,
            namespace=resource.namespace,
            workload=name,
            network=entry.network,
        )


def _number(entry: WorkloadEntry, port: SpecPort) -> int:
    if entry.address.startswith(_UNIX):
        return 0
    return entry.ports.get(port.name) or port.target_port or port.number
