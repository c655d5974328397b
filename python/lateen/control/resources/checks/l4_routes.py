"""What routes of TLS and of plain connections must be.

Source: Istio pkg/config/validation/validation.go validateTLSRoute, validateTCPRoute.
"""

from __future__ import annotations

from lateen.control.model.hosts import MESH, contains, is_address
from lateen.control.resources.checks.addresses import check_address_or_range
from lateen.control.resources.checks.destinations import check_weighted
from lateen.control.resources.checks.names import check_labels, check_port, domain_problem
from lateen.control.resources.checks.route_matches import check_gateway_names, sni_problem
from lateen.control.resources.field import Field
from lateen.control.resources.virtual_service import (
    L4Match,
    TcpRoute,
    TlsMatch,
    TlsRoute,
    VirtualService,
)


def check_tls_route(at: Field, route: TlsRoute, service: VirtualService) -> None:
    """Note what is wrong with a route by SNI of a virtual service."""
    if not route.match:
        (at / "match").error("the route matches nothing", "set match with sniHosts")
    for place, match in (at / "match").each(route.match):
        if not match.sni_hosts:
            (place / "sniHosts").error("the match has no host", "set sniHosts")
        for host_place, host in (place / "sniHosts").each(match.sni_hosts):
            _check_sni_host(host_place, host, service)
        _check_match(place, match)
    if not route.route:
        (at / "route").error("the route goes nowhere", "set a destination")
    check_weighted(at / "route", route.route)


def check_tcp_route(at: Field, route: TcpRoute) -> None:
    """Note what is wrong with a route of connections."""
    for place, match in (at / "match").each(route.match):
        _check_match(place, match)
    if not route.route:
        (at / "route").error("the route goes nowhere", "set a destination")
    check_weighted(at / "route", route.route)


def _check_match(at: Field, match: TlsMatch | L4Match) -> None:
    for place, subnet in (at / "destinationSubnets").each(match.destination_subnets):
        check_address_or_range(place, subnet)
    if match.port:
        check_port(at / "port", match.port)
    check_labels(at / "sourceLabels", match.source_labels)
    check_gateway_names(at / "gateways", match.gateways)


def _check_sni_host(at: Field, host: str, service: VirtualService) -> None:
    if MESH in service.gateways:
        problem = domain_problem(host, wildcard=True)
    else:
        problem = sni_problem(host, with_sni=True)
    if problem and is_address(host):
        at.warn(f"{host} is an address: most clients send none as SNI", "name a host")
    elif problem:
        at.error(problem, "a name as reviews.shop.svc.cluster.local")
    elif not any(contains(one, host) for one in service.hosts):
        at.error(f"{host!r} is no host of the virtual service", "add it to hosts")
