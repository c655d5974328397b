"""The way of a call through the mesh, proxy by proxy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lateen.control.explain.sources import Origin, Sources
from lateen.control.explain.wanted import Wanted
from lateen.control.explain.workloads import (
    Workload,
    called,
    caller,
    endpoint_of,
    service_called,
    workload_of,
)
from lateen.control.mesh import Mesh
from lateen.control.model.hosts import is_address
from lateen.control.model.proxy import ProxyType
from lateen.control.model.service import UNSPECIFIED
from lateen.control.resources.meta import Resource
from lateen.control.resources.peer_authentication import PeerAuthentication
from lateen.control.simulate.call import Call, Tls
from lateen.control.simulate.configuration import configuration_of
from lateen.control.simulate.filters import Onward
from lateen.control.simulate.steps import Lost, Path, Step
from lateen.control.simulate.walk import gateway, inbound, outbound
from lateen.control.translate.names import place
from lateen.control.translate.workloads import deciding_mode

#: The address of who calls a gateway, one that nobody has (RFC 5737).
OUTSIDE = "192.0.2.1"
_OFFERED = ("h2", "http/1.1")


@dataclass(frozen=True)
class Hop:
    """The way through one proxy.

    Attributes:
        workload: whose proxy it is.
        direction: `outbound`, `inbound`, or `gateway`.
        path: the decisions.
    """

    workload: Workload
    direction: str
    path: Path


@dataclass
class Explanation:
    """The whole way.

    Attributes:
        wanted: what is called.
        hops: proxy by proxy.
        end: how it ends.
        refused: whether nobody gets the call.
    """

    wanted: Wanted
    hops: list[Hop] = field(default_factory=list)
    end: str = ""
    refused: bool = False


def explain(mesh: Mesh, wanted: Wanted, name: str, share: float = 0.0) -> Explanation:
    """Follow a call of a workload.

    Args:
        mesh: at one moment.
        wanted: the call.
        name: of the service or workload that calls.
        share: from 0 up to 1, where among weights the call is.

    Raises:
        NoWorkloadError: no workload has the name.
    """
    workload = caller(mesh, name)
    proxy = workload.proxy
    call = _call(wanted, _address(mesh, wanted, proxy.namespace), wanted.port, proxy.addresses[0])
    configuration = configuration_of(mesh, proxy)
    path, onward = outbound(configuration, call, workload.identity, share)
    return _followed(mesh, wanted, Hop(workload, "outbound", path), call, onward)


def explain_gateway(mesh: Mesh, wanted: Wanted, name: str, share: float = 0.0) -> Explanation:
    """Follow a call that comes to a gateway from outside the mesh; arguments as of `explain`."""
    endpoint = endpoint_of(mesh, name, wanted.port)
    workload = workload_of(mesh, endpoint, ProxyType.ROUTER)
    call = _call(wanted, endpoint.address, endpoint.port, OUTSIDE)
    configuration = configuration_of(mesh, workload.proxy)
    path, onward = gateway(configuration, call, workload.identity, share)
    return _followed(mesh, wanted, Hop(workload, "gateway", path), call, onward)


def _call(wanted: Wanted, address: str, port: int, source: str) -> Call:
    tls = Tls(wanted.host, _OFFERED if wanted.request is not None else ()) if wanted.tls else None
    return Call(address, port, source, wanted.request, tls, wanted.claims)


def _followed(
    mesh: Mesh, wanted: Wanted, first: Hop, call: Call, onward: Onward | None
) -> Explanation:
    found = Explanation(wanted, [first])
    _end(found, first.path)
    if onward is not None:
        _arrive(mesh, found, replace(call, source=first.workload.proxy.addresses[0]), onward)
    return found


def _address(mesh: Mesh, wanted: Wanted, namespace: str) -> str:
    """The address that the application calls; UNSPECIFIED: one that only DNS knows."""
    service = service_called(mesh, wanted.host, namespace)
    if service is None:
        return wanted.host if is_address(wanted.host) else UNSPECIFIED
    if service.is_headless:
        for endpoint in mesh.endpoints.get(service.key, ()):
            return endpoint.address
    return service.address


def _end(found: Explanation, path: Path) -> None:
    found.end, found.refused = path.end, path.refused


def _arrive(mesh: Mesh, found: Explanation, sent: Call, onward: Onward) -> None:
    """The call at the other side, when a sidecar takes it there."""
    target = onward.target
    workload = called(mesh, target.address, target.port)
    if workload is None:
        found.end = f"{found.end}, where no sidecar is known"
        return
    tls = target.tls or sent.tls
    call = Call(target.address, target.port, sent.source, onward.request, tls, sent.claims)
    path, _ = inbound(configuration_of(mesh, workload.proxy), call)
    policy = deciding_mode(mesh, workload.proxy, call.port)
    if policy is not None:
        path.steps = [_made_of(step, policy) for step in path.steps]
    found.hops.append(Hop(workload, "inbound", path))
    _end(found, path)


def _made_of(step: Step, policy: Resource[PeerAuthentication]) -> Step:
    """The chains of a port are those of its mode, which a policy decides."""
    if step.kind != "filter chain":
        return step
    return replace(step, resource=place("security.istio.io/v1", policy.key))


def origin_of(sources: Sources, found: Step | Lost, kind: str) -> Origin | None:
    """Where what a step or an alternative is made of is written."""
    if found.resource:
        return sources.of_place(found.resource, found.name if kind == "route" else "")
    if kind == "policy":
        return sources.of_policy(found.name)
    return sources.of_virtual_host(found.name) if kind == "virtual host" else None
