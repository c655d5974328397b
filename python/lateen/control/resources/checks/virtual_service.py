"""What a VirtualService must be.

Source: Istio pkg/config/validation/validation.go ValidateVirtualService.
"""

from __future__ import annotations

from itertools import combinations

from lateen.control.model.hosts import MESH, is_address, matches
from lateen.control.resources.checks.headers import is_claim
from lateen.control.resources.checks.http_route import check_http_route
from lateen.control.resources.checks.l4_routes import check_tcp_route, check_tls_route
from lateen.control.resources.checks.names import domain_problem
from lateen.control.resources.checks.route_matches import check_gateway_names, sni_problem
from lateen.control.resources.checks.values import check_export_to
from lateen.control.resources.field import Field
from lateen.control.resources.meta import Resource
from lateen.control.resources.virtual_service import VirtualService


def check_virtual_service(resource: Resource[VirtualService], at: Field) -> None:
    """Note what is wrong with it."""
    service = resource.spec
    if not service.hosts:
        _check_delegate(at, service)
    check_gateway_names(at / "gateways", service.gateways)
    if not _of_gateways(service):
        _check_claims(at / "http", service)
    _check_hosts(at / "hosts", service)
    if not (service.http or service.tls or service.tcp):
        at.error("there is no route", "set http, tls or tcp")
    for place, http in (at / "http").each(service.http):
        check_http_route(place, http, delegate=not service.hosts)
    for place, tls in (at / "tls").each(service.tls):
        check_tls_route(place, tls, service)
    for place, tcp in (at / "tcp").each(service.tcp):
        check_tcp_route(place, tcp)
    check_export_to(at / "exportTo", resource.namespace, service.export_to)


def _of_gateways(service: VirtualService) -> bool:
    return bool(service.gateways) and MESH not in service.gateways


def _check_delegate(at: Field, service: VirtualService) -> None:
    """Without hosts, another virtual service delegates HTTP routes to this one."""
    for name, value in (
        ("gateways", service.gateways),
        ("tls", service.tls),
        ("tcp", service.tcp),
    ):
        if value:
            (at / name).error(
                f"a virtual service without hosts has no {name}", f"set hosts, or remove {name}"
            )


def _check_claims(at: Field, service: VirtualService) -> None:
    for place, route in at.each(service.http):
        for match_place, match in (place / "match").each(route.match):
            for field, names in (
                ("headers", match.headers),
                ("withoutHeaders", match.without_headers),
            ):
                for name in filter(is_claim, names):
                    (match_place / field / name).error(
                        "only gateways route by claims of tokens", "name a gateway in gateways"
                    )


def _check_hosts(at: Field, service: VirtualService) -> None:
    with_sni = any(match.sni_hosts for route in service.tls for match in route.match)
    valid = True
    for place, host in at.each(service.hosts):
        if _of_gateways(service):
            problem = sni_problem(host, with_sni=with_sni)
        elif host == "*":
            problem = "the host * is for gateways alone"
        else:
            problem = domain_problem(host, wildcard=True)
        if problem and not is_address(host):
            place.error(problem, "name a host, or a gateway in gateways")
            valid = False
    for one, other in combinations(service.hosts, 2):
        if valid and matches(one, other):
            at.error(f"{one} and {other} have hosts in common", "keep one of them")
