"""Who calls and who is called: workloads by service, by name and by address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lateen.control.mesh import Mesh
from lateen.control.model.hosts import is_address, most_specific
from lateen.control.model.proxy import Interception, Proxy, ProxyType, parse_node
from lateen.control.model.service import Endpoint, Service
from lateen.control.resources.kubernetes.pod import Pod

_ANNOTATION = "sidecar.istio.io/interceptionMode"


class NoWorkloadError(LookupError):
    """No workload has the name that was given; the message says which there are."""


@dataclass(frozen=True)
class Workload:
    """A workload with its sidecar.

    Attributes:
        proxy: its sidecar.
        identity: that the sidecar shows.
    """

    proxy: Proxy
    identity: str

    @property
    def name(self) -> str:
        """`NAME.NAMESPACE`."""
        return f"{self.proxy.name}.{self.proxy.namespace}"


def workload_of(mesh: Mesh, endpoint: Endpoint, kind: ProxyType = ProxyType.SIDECAR) -> Workload:
    """The workload behind an endpoint, with a proxy of a type."""
    namespace = endpoint.namespace
    name = endpoint.workload or endpoint.address.replace(":", "-").replace(".", "-")
    node = f"{kind.value}~{endpoint.address}~{name}.{namespace}~{namespace}.svc.{mesh.domain}"
    account = endpoint.service_account or "default"
    proxy = parse_node(
        node,
        labels=endpoint.labels,
        service_account=account,
        locality=endpoint.locality,
        interception=_interception(mesh, endpoint.address),
    )
    return Workload(proxy, f"spiffe://{mesh.config.trust_domain}/ns/{namespace}/sa/{account}")


def _interception(mesh: Mesh, address: str) -> Interception:
    """How traffic comes to the sidecar of a pod, as its annotation says."""
    for pod in mesh.of(Pod):
        if pod.spec.status.pod_ip == address:
            said = pod.annotations.get(_ANNOTATION, "")
            return Interception.__members__.get(said, Interception.REDIRECT)
    return Interception.REDIRECT


def caller(mesh: Mesh, name: str) -> Workload:
    """The workload of a name: a service's (its first endpoint), or one's own.

    Args:
        name: `NAME`, `NAME.NAMESPACE`, `NAMESPACE/NAME`, or a full host.

    Raises:
        NoWorkloadError: there is none, or the service has no endpoint.
    """
    return workload_of(mesh, endpoint_of(mesh, name))


def endpoint_of(mesh: Mesh, name: str, port: int = 0) -> Endpoint:
    """The endpoint of a name, as `caller` has it.

    Args:
        port: of the service, that the endpoint serves; 0: any. Where the service has no such
            port, an endpoint of another.

    Raises:
        NoWorkloadError: there is none, or the service has no endpoint.
    """
    wanted, namespace = _split(name)
    for one in _endpoints(mesh):
        named = one.workload == wanted and namespace in ("", one.namespace)
        if named and is_address(one.address):
            return one
    found = [
        service
        for service in mesh.services.values()
        if service.host == name or (service.name == wanted and namespace in ("", service.namespace))
    ]
    for service in found:
        endpoints = [one for one in mesh.endpoints.get(service.key, ()) if is_address(one.address)]
        served = service.port(port)
        serving = (one for one in endpoints if served and one.service_port == served.name)
        if endpoints:
            return next(serving, endpoints[0])
    if found:
        raise NoWorkloadError(f"{found[0].host} has no endpoint that could call anything")
    known = sorted({f"{one.name}.{one.namespace}" for one in mesh.services.values()})
    raise NoWorkloadError(f"no service or workload is called {name!r}; there is {_some(known)}")


def _split(name: str) -> tuple[str, str]:
    if "/" in name:
        namespace, _, found = name.partition("/")
        return found, namespace
    found, _, namespace = name.partition(".")
    return found, namespace.partition(".svc.")[0]


def _some(names: list[str]) -> str:
    return ", ".join([*names[:10], *(["..."] if len(names) > 10 else [])]) or "none"


def _endpoints(mesh: Mesh) -> Iterator[Endpoint]:
    for endpoints in mesh.endpoints.values():
        yield from endpoints


def called(mesh: Mesh, address: str, port: int) -> Workload | None:
    """The workload at an address whose sidecar takes its calls; None: nobody's sidecar does."""
    for endpoint in _endpoints(mesh):
        if (endpoint.address, endpoint.port) == (address, port) and endpoint.tls_mode == "istio":
            return workload_of(mesh, endpoint)
    return None


def service_called(mesh: Mesh, host: str, namespace: str) -> Service | None:
    """The service that a name is, looked up as an application of a namespace does."""
    domain = mesh.domain
    names = (host, f"{host}.{namespace}.svc.{domain}", f"{host}.svc.{domain}", f"{host}.{domain}")
    for name in names:
        service = mesh.service(name, namespace)
        if service is not None:
            return service
    for service in mesh.services.values():
        if host in service.addresses:
            return service
    return most_specific(host, mesh.services)
