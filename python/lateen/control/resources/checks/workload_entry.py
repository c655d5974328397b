"""What a WorkloadEntry and an endpoint of a ServiceEntry must be.

Source: Istio pkg/config/validation/validation.go validateWorkloadEntry; CRD rules of
istio/api networking/v1alpha3/workload_entry.proto.
"""

from __future__ import annotations

from collections.abc import Container

from lateen.control.model.hosts import is_address
from lateen.control.resources.checks.addresses import UNIX, check_unix_path
from lateen.control.resources.checks.names import (
    check_labels,
    check_port,
    check_port_name,
    domain_problem,
)
from lateen.control.resources.field import Field
from lateen.control.resources.meta import Resource
from lateen.control.resources.workload_entry import WorkloadEntry


def check_workload_entry(resource: Resource[WorkloadEntry], at: Field) -> None:
    """Note what is wrong with it."""
    check_endpoint(at, resource.spec)


def check_endpoint(
    at: Field,
    entry: WorkloadEntry,
    *,
    ports: Container[str] | None = None,
    names: bool = True,
    resolved: bool = False,
) -> None:
    """Note what is wrong with an endpoint.

    Args:
        at: the endpoint's field.
        entry: what it says.
        ports: names of the service's ports; None: they are not known.
        names: whether its address may be the name of a host.
        resolved: whether the address is asked of DNS, so that it is there and no Unix socket.
    """
    if not entry.address and (resolved or not entry.network):
        (at / "address").error("the endpoint has no address", "set address")
    elif not entry.address:
        (at / "address").warn("the endpoint is known by its network alone", "set address")
    elif entry.address.startswith(UNIX) and not resolved:
        check_unix_path(at / "address", entry.address)
        if (at / "ports").written:
            (at / "ports").error("a Unix socket has no ports", "remove them")
    elif not is_address(entry.address) and (not names or domain_problem(entry.address)):
        (at / "address").error(
            f"{entry.address!r} is no address",
            "an IP address or the name of a host" if names else "an IP address",
        )
    for place, name, number in (at / "ports").entries(entry.ports):
        if ports is not None and name not in ports:
            place.error(f"the service has no port {name!r}", "name one of its ports")
        check_port_name(place, name)
        check_port(place, number)
    check_labels(at / "labels", entry.labels)
