"""What a ServiceEntry must be.

Source: Istio pkg/config/validation/validation.go ValidateServiceEntry; CRD rules of
istio/api networking/v1alpha3/service_entry.proto.
"""

from __future__ import annotations

from lateen.control.model.hosts import is_wildcard
from lateen.control.model.protocol import Protocol, parse_protocol
from lateen.control.resources.checks.addresses import UNIX, check_address_or_range
from lateen.control.resources.checks.names import (
    check_domain,
    check_partial_wildcard,
    check_port,
    check_port_name,
    check_protocol,
    domain_problem,
)
from lateen.control.resources.checks.selectors import check_workload_selector
from lateen.control.resources.checks.values import check_export_to
from lateen.control.resources.checks.workload_entry import check_endpoint
from lateen.control.resources.field import Field
from lateen.control.resources.meta import Resource
from lateen.control.resources.service_entry import ServiceEntry

_DYNAMIC = (Protocol.HTTP, Protocol.TLS, Protocol.GRPC, Protocol.HTTP2)
_WAYPOINT = "istio.io/use-waypoint"
_AUTOMATIC_ADDRESS = "networking.istio.io/enable-autoallocate-ip"


def check_service_entry(resource: Resource[ServiceEntry], at: Field) -> None:
    """Note what is wrong with it."""
    entry = resource.spec
    check_workload_selector(at / "workloadSelector", entry.workload_selector)
    at.at_most_one("workloadSelector", "endpoints")
    _check_hosts(at / "hosts", entry)
    _check_addresses(at / "addresses", entry)
    _check_ports(at / "ports", entry, automatic=_gets_address(resource))
    _check_resolution(at, resource)
    _check_plain_tcp(at, entry)
    check_export_to(at / "exportTo", resource.namespace, entry.export_to, nobody=True)


def _check_hosts(at: Field, entry: ServiceEntry) -> None:
    if not entry.hosts:
        at.error("the service has no host", "name one")
    for place, host in at.each(entry.hosts):
        if host == "*":
            place.error("a service is not of every host", "name one, or *.example.com")
            continue
        check_domain(place, host, wildcard=True)
        if entry.resolution != "DYNAMIC_DNS":
            check_partial_wildcard(place, host, refuse=False)


def _check_addresses(at: Field, entry: ServiceEntry) -> None:
    for place, address in at.each(entry.addresses):
        check_address_or_range(place, address)
        if "/" in address and entry.resolution not in ("NONE", "STATIC"):
            place.error(f"a range needs resolution NONE or STATIC, not {entry.resolution}")


def _gets_address(resource: Resource[ServiceEntry]) -> bool:
    """Whether Istio gives the service an address of its own."""
    refused = resource.labels.get(_AUTOMATIC_ADDRESS, "").lower() == "false"
    return resource.spec.resolution != "NONE" and not refused and not resource.spec.addresses


def _check_ports(at: Field, entry: ServiceEntry, *, automatic: bool) -> None:
    names: set[str] = set()
    numbers: set[int] = set()
    for place, port in at.each(entry.ports):
        check_port(place / "number", port.number)
        check_port_name(place / "name", port.name)
        check_protocol(place / "protocol", port.protocol)
        if (place / "targetPort").written:
            check_port(place / "targetPort", port.target_port)
        if port.name in names:
            (place / "name").error(f"there are two ports {port.name!r}", "rename one")
        if port.number in numbers:
            (place / "number").error(f"there are two ports {port.number}", "remove one")
        if port.protocol in ("", "TCP") and not entry.addresses and not automatic:
            place.warn("a port of TCP is told from others by addresses", "set addresses")
        names.add(port.name)
        numbers.add(port.number)


def _check_resolution(at: Field, resource: Resource[ServiceEntry]) -> None:
    entry = resource.spec
    if entry.resolution == "NONE":
        if (at / "endpoints").written:
            (at / "endpoints").error("resolution NONE calls no endpoints", "use STATIC or DNS")
        if entry.workload_selector is not None:
            (at / "workloadSelector").warn("resolution NONE selects no endpoints", "use STATIC")
    elif entry.resolution == "DYNAMIC_DNS":
        _check_dynamic(at, resource)
    else:
        _check_endpoints(at, entry)


def _check_endpoints(at: Field, entry: ServiceEntry) -> None:
    ports = {port.name for port in entry.ports}
    static = entry.resolution == "STATIC"
    for place, endpoint in (at / "endpoints").each(entry.endpoints):
        check_endpoint(place, endpoint, ports=ports, names=not static, resolved=not static)
        if static and endpoint.address.startswith(UNIX) and len(ports) != 1:
            place.error("a Unix socket is behind one port", "leave one port")
    if static:
        return
    if entry.resolution == "DNS_ROUND_ROBIN" and len(entry.endpoints) > 1:
        (at / "endpoints").error("DNS_ROUND_ROBIN takes one endpoint", "use DNS, or leave one")
    if not entry.endpoints and any(domain_problem(host) for host in entry.hosts):
        (at / "hosts").error(
            f"{entry.resolution} resolves the hosts, and one is no name", "set endpoints"
        )
    tcp = any(parse_protocol(port.protocol).is_tcp for port in entry.ports)
    if entry.addresses and tcp and len(entry.hosts) > 1:
        (at / "hosts").warn("several hosts with an address and a port of TCP", "leave one host")


def _check_dynamic(at: Field, resource: Resource[ServiceEntry]) -> None:
    entry = resource.spec
    for place, host in (at / "hosts").each(entry.hosts):
        if not is_wildcard(host):
            place.error("DYNAMIC_DNS is for wildcards", "as *.example.com, or use DNS")
    for name, value in (("addresses", entry.addresses), ("endpoints", entry.endpoints)):
        if value:
            (at / name).error(f"DYNAMIC_DNS takes no {name}: requests name the host", "remove them")
    for place, port in (at / "ports").each(entry.ports):
        if parse_protocol(port.protocol) not in _DYNAMIC:
            (place / "protocol").error(
                "DYNAMIC_DNS needs to see the host", "HTTP, HTTP2, GRPC, TLS"
            )
    waypoint = resource.labels.get(_WAYPOINT, "")
    if entry.location == "MESH_INTERNAL" and waypoint and waypoint.lower() != "none":
        (at / "location").error(
            "with a waypoint, DYNAMIC_DNS is for MESH_EXTERNAL", f"change it, or remove {_WAYPOINT}"
        )


def _check_plain_tcp(at: Field, entry: ServiceEntry) -> None:
    """Nothing in plain TCP tells several hosts apart."""
    if entry.resolution == "NONE" or len(entry.hosts) < 2:
        return
    for place, port in (at / "ports").each(entry.ports):
        protocol = parse_protocol(port.protocol)
        if not protocol.is_http and not protocol.is_tls:
            place.error("several hosts on a port that is not HTTP or TLS", "leave one host")
            return
