"""How endpoints are called.

Source: Istio pkg/config/validation/validation.go, agent/validation.go; CRD rules of
istio/api networking/v1alpha3/destination_rule.proto.
"""

from __future__ import annotations

from lateen.control.model.hosts import is_address
from lateen.control.resources.checks.client_tls import check_client_tls
from lateen.control.resources.checks.connection_pool import check_connection_pool
from lateen.control.resources.checks.load_balancer import check_load_balancer
from lateen.control.resources.checks.names import check_port, domain_problem
from lateen.control.resources.checks.values import check_duration, check_percent
from lateen.control.resources.destination_rule import (
    OutlierDetection,
    PortTrafficPolicy,
    TrafficPolicy,
    Tunnel,
)
from lateen.control.resources.field import Field

_MOST_PORTS = 4096
_PARTS = ("outlierDetection", "connectionPool", "loadBalancer", "tls")
_OTHERS = (*_PARTS, "tunnel", "proxyProtocol", "retryBudget")


def check_traffic_policy(at: Field, namespace: str, policy: TrafficPolicy | None) -> None:
    """Note what is wrong with a policy; None: it is not set."""
    if policy is None:
        return
    if not policy.port_level_settings and not any((at / name).written for name in _OTHERS):
        at.error("the policy says nothing", f"set one of {', '.join(_OTHERS)}")
    at.at_most_one("tunnel", "proxyProtocol")
    _check_parts(at, namespace, policy)
    if len(policy.port_level_settings) > _MOST_PORTS:
        (at / "portLevelSettings").error(f"there are more than {_MOST_PORTS}")
    for place, one in (at / "portLevelSettings").each(policy.port_level_settings):
        if one.port is None:
            place.error("the policy is of no port", "set port.number")
        if not any((place / name).written for name in _PARTS):
            place.error("the policy says nothing", f"set one of {', '.join(_PARTS)}")
        _check_parts(place, namespace, one)
    if policy.tunnel is not None:
        _check_tunnel(at / "tunnel", policy.tunnel)


def _check_parts(at: Field, namespace: str, policy: TrafficPolicy | PortTrafficPolicy) -> None:
    check_outlier_detection(at / "outlierDetection", policy.outlier_detection)
    check_connection_pool(at / "connectionPool", policy.connection_pool)
    if policy.load_balancer is not None:
        check_load_balancer(at / "loadBalancer", policy.load_balancer, policy.outlier_detection)
    check_client_tls(at / "tls", namespace, policy.tls)


def check_outlier_detection(at: Field, outlier: OutlierDetection | None) -> None:
    """Note durations and percentages that are none; None: it is not set."""
    if outlier is None:
        return
    check_duration(at / "interval", outlier.interval)
    check_duration(at / "baseEjectionTime", outlier.base_ejection_time)
    if outlier.consecutive_errors:
        (at / "consecutiveErrors").warn(
            "consecutiveErrors is deprecated",
            "use consecutiveGatewayErrors or consecutive5xxErrors",
        )
    if outlier.consecutive_local_origin_failures and not outlier.split_external_local_origin_errors:
        (at / "consecutiveLocalOriginFailures").error(
            "local failures are not counted apart", "set splitExternalLocalOriginErrors"
        )
    check_percent(at / "maxEjectionPercent", outlier.max_ejection_percent)
    check_percent(at / "minHealthPercent", outlier.min_health_percent)


def _check_tunnel(at: Field, tunnel: Tunnel) -> None:
    if tunnel.protocol not in ("", "CONNECT", "POST"):
        (at / "protocol").error(f"{tunnel.protocol!r} makes no tunnel", "CONNECT or POST")
    if domain_problem(tunnel.target_host) and not is_address(tunnel.target_host):
        (at / "targetHost").error(
            f"{tunnel.target_host!r} is no host", "the name of a host, or an IP address"
        )
    check_port(at / "targetPort", tunnel.target_port)
