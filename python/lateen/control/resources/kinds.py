"""The kinds that are read: one line each."""

from __future__ import annotations

from lateen.control import mesh_settings
from lateen.control.resources.authorization_policy import AuthorizationPolicy
from lateen.control.resources.checks.authorization_policy import check_authorization_policy
from lateen.control.resources.checks.destination_rule import check_destination_rule
from lateen.control.resources.checks.gateway import check_gateway
from lateen.control.resources.checks.peer_authentication import check_peer_authentication
from lateen.control.resources.checks.proxy_config import check_proxy_config
from lateen.control.resources.checks.request_authentication import check_request_authentication
from lateen.control.resources.checks.service_entry import check_service_entry
from lateen.control.resources.checks.sidecar import check_sidecar
from lateen.control.resources.checks.telemetry import check_telemetry
from lateen.control.resources.checks.virtual_service import check_virtual_service
from lateen.control.resources.checks.workload_entry import check_workload_entry
from lateen.control.resources.checks.workload_group import check_workload_group
from lateen.control.resources.destination_rule import DestinationRule
from lateen.control.resources.gateway import Gateway
from lateen.control.resources.kind import Kind, kind
from lateen.control.resources.kubernetes.endpoints import Endpoints, EndpointSlice
from lateen.control.resources.kubernetes.plain import ConfigMap, Namespace, ServiceAccount
from lateen.control.resources.kubernetes.pod import Pod
from lateen.control.resources.kubernetes.secret import Secret, check_secret
from lateen.control.resources.kubernetes.service import Service
from lateen.control.resources.peer_authentication import PeerAuthentication
from lateen.control.resources.proxy_config import ProxyConfig
from lateen.control.resources.request_authentication import RequestAuthentication
from lateen.control.resources.service_entry import ServiceEntry
from lateen.control.resources.sidecar import Sidecar
from lateen.control.resources.telemetry import Telemetry
from lateen.control.resources.virtual_service import VirtualService
from lateen.control.resources.workload_entry import WorkloadEntry
from lateen.control.resources.workload_group import WorkloadGroup

_NETWORKING = "networking.istio.io"
_SECURITY = "security.istio.io"
_CORE = ""
_STABLE = ("v1", "v1beta1", "v1alpha3")
_SECURE = ("v1", "v1beta1")

_ALL: tuple[Kind, ...] = (
    kind("VirtualService", _NETWORKING, _STABLE, VirtualService, check_virtual_service),
    kind("DestinationRule", _NETWORKING, _STABLE, DestinationRule, check_destination_rule),
    kind("Gateway", _NETWORKING, _STABLE, Gateway, check_gateway),
    kind("ServiceEntry", _NETWORKING, _STABLE, ServiceEntry, check_service_entry),
    kind("WorkloadEntry", _NETWORKING, _STABLE, WorkloadEntry, check_workload_entry),
    kind("WorkloadGroup", _NETWORKING, _STABLE, WorkloadGroup, check_workload_group),
    kind("Sidecar", _NETWORKING, _STABLE, Sidecar, check_sidecar),
    kind("ProxyConfig", _NETWORKING, ("v1beta1",), ProxyConfig, check_proxy_config),
    kind("PeerAuthentication", _SECURITY, _SECURE, PeerAuthentication, check_peer_authentication),
    kind(
        "RequestAuthentication",
        _SECURITY,
        _SECURE,
        RequestAuthentication,
        check_request_authentication,
    ),
    kind(
        "AuthorizationPolicy", _SECURITY, _SECURE, AuthorizationPolicy, check_authorization_policy
    ),
    kind("Telemetry", "telemetry.istio.io", ("v1", "v1alpha1"), Telemetry, check_telemetry),
    kind("Service", _CORE, ("v1",), Service),
    kind("Endpoints", _CORE, ("v1",), Endpoints, field=""),
    kind("EndpointSlice", "discovery.k8s.io", ("v1", "v1beta1"), EndpointSlice, field=""),
    kind("Pod", _CORE, ("v1",), Pod, field=""),
    kind("Namespace", _CORE, ("v1",), Namespace, field="", namespaced=False),
    kind("ServiceAccount", _CORE, ("v1",), ServiceAccount, field=""),
    kind("Secret", _CORE, ("v1",), Secret, check_secret, field=""),
    kind("ConfigMap", _CORE, ("v1",), ConfigMap, mesh_settings.check, field=""),
)

KINDS = {(one.group, one.name): one for one in _ALL}
"""Every kind, by group and name."""
