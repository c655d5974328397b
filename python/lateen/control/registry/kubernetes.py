"""Kubernetes' Services, EndpointSlices, Endpoints and Pods as services and endpoints.

Source: pilot/pkg/serviceregistry/kube.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lateen.control.model.locality import of_label, of_levels, placed
from lateen.control.model.protocol import protocol_of_port
from lateen.control.model.service import UNSPECIFIED, Endpoint, Port, Resolution, Service
from lateen.control.registry.nearness import near_of
from lateen.control.resources.kubernetes.endpoints import EndpointPort, Endpoints, EndpointSlice
from lateen.control.resources.kubernetes.pod import Pod
from lateen.control.resources.kubernetes.service import Service as Spec
from lateen.control.resources.kubernetes.service import ServicePort
from lateen.control.resources.meta import Resource
from lateen.control.resources.selectors import selects

_EXPORT_TO = "networking.istio.io/exportTo"
_CANONICAL_ACCOUNTS = "alpha.istio.io/canonical-serviceaccounts"
_ACCOUNTS = "alpha.istio.io/kubernetes-serviceaccounts"
_SERVICE_OF_SLICE = "kubernetes.io/service-name"
_NO_ADDRESS = "None"


def service_of(resource: Resource[Spec], domain: str, trust_domain: str) -> Service:
    """The service of a manifest.

    Args:
        domain: of the cluster, such as `cluster.local`.
        trust_domain: of the mesh, for service accounts that annotations name.
    """
    spec = resource.spec
    external = spec.external_name if spec.type == "ExternalName" else ""
    resolution = Resolution.ALIAS if external else Resolution.STATIC
    addresses: tuple[str, ...] = (UNSPECIFIED,)
    if spec.cluster_ip == _NO_ADDRESS:
        resolution = Resolution.PASSTHROUGH
    elif spec.cluster_ip:
        addresses = spec.cluster_ips if len(spec.cluster_ips) > 1 else (spec.cluster_ip,)
    return Service(
        host=f"{resource.name}.{resource.namespace}.svc.{domain}",
        name=resource.name,
        namespace=resource.namespace,
        ports=tuple(_port(port) for port in spec.ports),
        addresses=addresses,
        resolution=resolution,
        source=resource.key,
        mesh_external=bool(external),
        export_to=frozenset(_listed(resource.annotations, _EXPORT_TO)) or None,
        labels=resource.labels,
        service_accounts=tuple(_accounts(resource, trust_domain)),
        created=resource.created,
        external_name=external,
        selects=bool(spec.selector),
        near=near_of(spec.traffic_distribution, resource.annotations),
    )


def _port(port: ServicePort) -> Port:
    protocol = protocol_of_port(port.port, port.name, port.protocol, port.app_protocol)
    return Port(port.name, port.port, protocol)


def _accounts(resource: Resource[Spec], trust_domain: str) -> Iterator[str]:
    yield from _listed(resource.annotations, _CANONICAL_ACCOUNTS)
    for account in _listed(resource.annotations, _ACCOUNTS):
        yield f"spiffe://{trust_domain}/ns/{resource.namespace}/sa/{account}"


def _listed(annotations: Mapping[str, str], name: str) -> Iterator[str]:
    texts = (text.strip() for text in annotations.get(name, "").split(","))
    return (text for text in texts if text)


@dataclass(frozen=True)
class Addresses:
    """What tells the addresses behind services.

    Attributes:
        slices: EndpointSlices.
        endpoints: Endpoints, for services without slices.
        pods: what addresses belong to; without the others, those that a service selects serve it.
    """

    slices: Sequence[Resource[EndpointSlice]] = ()
    endpoints: Sequence[Resource[Endpoints]] = ()
    pods: Sequence[Resource[Pod]] = ()

    def of(self, service: Resource[Spec]) -> list[Endpoint]:
        """The endpoints of a service's ports."""
        place = (service.namespace, service.name)
        if place in self._slices:
            slices = self._slices[place]
            return [found for one in slices for found in _of_slice(one, service, self._by_address)]
        if place in self._lists:
            lists = self._lists[place]
            return [found for one in lists for found in _of_list(one, service, self._by_address)]
        return list(_of_pods(self._by_namespace.get(service.namespace, ()), service))

    def lists_of(self, service: Resource[Spec]) -> tuple[object, ...]:
        """The resources that list the addresses of a service; beside them, pods count."""
        place = (service.namespace, service.name)
        return (*self._slices.get(place, ()), *self._lists.get(place, ()))

    @cached_property
    def _slices(self) -> Mapping[tuple[str, str], list[Resource[EndpointSlice]]]:
        """By the namespace and name of their service."""
        found: defaultdict[tuple[str, str], list[Resource[EndpointSlice]]] = defaultdict(list)
        for one in self.slices:
            found[one.namespace, one.labels.get(_SERVICE_OF_SLICE, "")].append(one)
        return found

    @cached_property
    def _lists(self) -> Mapping[tuple[str, str], list[Resource[Endpoints]]]:
        found: defaultdict[tuple[str, str], list[Resource[Endpoints]]] = defaultdict(list)
        for one in self.endpoints:
            found[one.namespace, one.name].append(one)
        return found

    @cached_property
    def _by_address(self) -> Mapping[str, Resource[Pod]]:
        return {pod.spec.status.pod_ip: pod for pod in self.pods if pod.spec.status.pod_ip}

    @cached_property
    def _by_namespace(self) -> Mapping[str, list[Resource[Pod]]]:
        found: defaultdict[str, list[Resource[Pod]]] = defaultdict(list)
        for pod in self.pods:
            found[pod.namespace].append(pod)
        return found


def _of_slice(
    one: Resource[EndpointSlice],
    service: Resource[Spec],
    pods: Mapping[str, Resource[Pod]],
) -> Iterator[Endpoint]:
    even_unready = service.spec.publish_not_ready_addresses
    for endpoint in one.spec.endpoints:
        healthy = endpoint.conditions.ready or even_unready
        for address in endpoint.addresses:
            pod = pods.get(address)
            for name, port in _numbers(one.spec.ports, service):
                yield _endpoint(address, port, name, pod, service, healthy, endpoint.zone)


def _of_list(
    one: Resource[Endpoints], service: Resource[Spec], pods: Mapping[str, Resource[Pod]]
) -> Iterator[Endpoint]:
    even_unready = service.spec.publish_not_ready_addresses
    for subset in one.spec.subsets:
        for name, port in _numbers(subset.ports, service):
            for address in subset.addresses:
                yield _endpoint(address.ip, port, name, pods.get(address.ip), service, True)
            for address in subset.not_ready_addresses:
                pod = pods.get(address.ip)
                yield _endpoint(address.ip, port, name, pod, service, even_unready)


def _of_pods(pods: Iterable[Resource[Pod]], service: Resource[Spec]) -> Iterator[Endpoint]:
    """Of pods that have an address; without a selector, a service has none."""
    wanted = service.spec.selector
    for pod in pods:
        here = pod.namespace == service.namespace and pod.spec.status.pod_ip
        if not wanted or not here or not selects(wanted, pod.labels):
            continue
        for port in service.spec.ports:
            number = _target(port, pod.spec)
            if number:
                yield _endpoint(pod.spec.status.pod_ip, number, port.name, pod, service, True)


def _numbers(ports: Sequence[EndpointPort], service: Resource[Spec]) -> Iterator[tuple[str, int]]:
    """The service's name and the number of each port that the service has."""
    known = {port.name for port in service.spec.ports}
    for port in ports:
        if port.name in known and port.port:
            yield port.name, port.port


def _target(port: ServicePort, pod: Pod) -> int:
    """The port of a pod that serves the service's; 0: it has none of this name."""
    if isinstance(port.target_port, int):
        return port.target_port or port.port
    served = (each for container in pod.spec.containers for each in container.ports)
    return next((each.container_port for each in served if each.name == port.target_port), 0)


def _endpoint(
    address: str,
    port: int,
    name: str,
    pod: Resource[Pod] | None,
    service: Resource[Spec],
    healthy: bool,
    zone: str = "",
) -> Endpoint:
    if pod is None:
        return Endpoint(address, port, name, namespace=service.namespace, healthy=healthy)
    locality = of_label(pod.labels) or of_levels(pod.labels, zone)
    return Endpoint(
        address=address,
        port=port,
        service_port=name,
        labels=placed(pod.labels, locality, node=pod.spec.spec.node_name),
        locality=locality,
        service_account=pod.spec.spec.service_account_name,
        namespace=pod.namespace,
        workload=pod.name,
        healthy=healthy,
        name=_name(pod),
    )


def _name(pod: Resource[Pod]) -> str:
    """The name that Kubernetes' DNS gives a pod of a subdomain, without the namespace."""
    spec = pod.spec.spec
    return f"{spec.hostname or pod.name}.{spec.subdomain}" if spec.subdomain else ""
