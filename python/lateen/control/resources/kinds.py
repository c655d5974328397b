"""The kinds that are read: one line each."""

from __future__ import annotations

from lateen.control import mesh_settings
from lateen.control.resources.authorization_policy import AuthorizationPolicy
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

_NETWORKING = "networking.istio.io"
_SECURITY = "security.istio.io"
_CORE = ""
_STABLE = ("v1", "v1beta1", "v1alpha3")
_SECURE = ("v1", "v1beta1")

_ALL: tuple[Kind, ...] = (
    kind("VirtualService", _NETWORKING, _STABLE, VirtualService),
    kind("DestinationRule", _NETWORKING, _STABLE, DestinationRule),
    kind("Gateway", _NETWORKING, _STABLE, Gateway),
    kind("ServiceEntry", _NETWORKING, _STABLE, ServiceEntry),
    kind("WorkloadEntry", _NETWORKING, _STABLE, WorkloadEntry),
    kind("Sidecar", _NETWORKING, _STABLE, Sidecar),
    kind("ProxyConfig", _NETWORKING, ("v1beta1",), ProxyConfig),
    kind("PeerAuthentication", _SECURITY, _SECURE, PeerAuthentication),
    kind("RequestAuthentication", _SECURITY, _SECURE, RequestAuthentication),
    kind("AuthorizationPolicy", _SECURITY, _SECURE, AuthorizationPolicy),
    kind("Telemetry", "telemetry.istio.io", ("v1", "v1alpha1"), Telemetry),
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
