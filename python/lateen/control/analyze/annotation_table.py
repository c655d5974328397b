"""Annotations of Istio's and what they can be on.

Source: istio/api annotation/annotations.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ANY = "Any"


@dataclass(frozen=True)
class Annotation:
    """What is known of an annotation.

    Attributes:
        kinds: that have it.
        deprecated: whether it is to go.
    """

    kinds: tuple[str, ...]
    deprecated: bool = False


_POD = Annotation(("Pod",))
_OLD_POD = Annotation(("Pod",), deprecated=True)
_SERVICE = Annotation(("Service",))
_OLD_SERVICE = Annotation(("Service",), deprecated=True)
_GATEWAY = Annotation(("Gateway",))
_WORKLOAD = Annotation(("WorkloadEntry",))

ANNOTATIONS: Mapping[str, Annotation] = {
    "alpha.istio.io/canonical-serviceaccounts": _OLD_SERVICE,
    "alpha.istio.io/kubernetes-serviceaccounts": _OLD_SERVICE,
    "ambient.istio.io/bypass-inbound-capture": _POD,
    "ambient.istio.io/dns-capture": _POD,
    "ambient.istio.io/redirection": _POD,
    "ambient.istio.io/waypoint-inbound-binding": Annotation(("GatewayClass", "Gateway")),
    "galley.istio.io/analyze-suppress": Annotation((ANY,)),
    "gateway.istio.io/controller-version": Annotation((ANY,)),
    "gateway.istio.io/name-override": _GATEWAY,
    "gateway.istio.io/service-account": _GATEWAY,
    "inject.istio.io/templates": _POD,
    "istio.io/autoRegistrationGroup": _WORKLOAD,
    "istio.io/connectedAt": _WORKLOAD,
    "istio.io/disconnectedAt": _WORKLOAD,
    "istio.io/dry-run": Annotation(("AuthorizationPolicy",)),
    "istio.io/reroute-virtual-interfaces": _POD,
    "istio.io/rev": _POD,
    "istio.io/use-waypoint-canary-weight": Annotation(("Service", "ServiceEntry", "Namespace")),
    "istio.io/workloadController": _WORKLOAD,
    "kubernetes.io/ingress.class": Annotation(("Ingress",)),
    "networking.istio.io/exportTo": _SERVICE,
    "networking.istio.io/service-type": _GATEWAY,
    "networking.istio.io/traffic-distribution": Annotation(
        ("Namespace", "Service", "ServiceEntry")
    ),
    "prometheus.istio.io/merge-metrics": _POD,
    "proxy.istio.io/config": _POD,
    "proxy.istio.io/overrides": _POD,
    "readiness.status.sidecar.istio.io/applicationPorts": _POD,
    "readiness.status.sidecar.istio.io/failureThreshold": _POD,
    "readiness.status.sidecar.istio.io/initialDelaySeconds": _POD,
    "readiness.status.sidecar.istio.io/periodSeconds": _POD,
    "sidecar.istio.io/agentLogLevel": _POD,
    "sidecar.istio.io/bootstrapOverride": _POD,
    "sidecar.istio.io/componentLogLevel": _POD,
    "sidecar.istio.io/discoveryAddress": _OLD_POD,
    "sidecar.istio.io/extraStatTags": _OLD_POD,
    "sidecar.istio.io/inject": _OLD_POD,
    "sidecar.istio.io/interceptionMode": _POD,
    "sidecar.istio.io/logLevel": _POD,
    "sidecar.istio.io/nativeSidecar": _POD,
    "sidecar.istio.io/proxyCPU": _POD,
    "sidecar.istio.io/proxyCPULimit": _POD,
    "sidecar.istio.io/proxyImage": _POD,
    "sidecar.istio.io/proxyImageType": _POD,
    "sidecar.istio.io/proxyMemory": _POD,
    "sidecar.istio.io/proxyMemoryLimit": _POD,
    "sidecar.istio.io/rewriteAppHTTPProbers": _POD,
    "sidecar.istio.io/statsCompression": _OLD_POD,
    "sidecar.istio.io/statsEvictionInterval": _POD,
    "sidecar.istio.io/statsFlushInterval": _POD,
    "sidecar.istio.io/statsHistogramBins": _POD,
    "sidecar.istio.io/statsHistogramBuckets": _POD,
    "sidecar.istio.io/statsInclusionPrefixes": _OLD_POD,
    "sidecar.istio.io/statsInclusionRegexps": _OLD_POD,
    "sidecar.istio.io/statsInclusionSuffixes": _OLD_POD,
    "sidecar.istio.io/status": _POD,
    "sidecar.istio.io/userVolume": _POD,
    "sidecar.istio.io/userVolumeMount": _POD,
    "status.sidecar.istio.io/port": _POD,
    "topology.istio.io/controlPlaneClusters": Annotation(("Namespace",)),
    "traffic.istio.io/nodeSelector": _SERVICE,
    "traffic.sidecar.istio.io/excludeInboundPorts": _POD,
    "traffic.sidecar.istio.io/excludeInterfaces": _POD,
    "traffic.sidecar.istio.io/excludeOutboundIPRanges": _POD,
    "traffic.sidecar.istio.io/excludeOutboundPorts": _POD,
    "traffic.sidecar.istio.io/includeInboundPorts": _POD,
    "traffic.sidecar.istio.io/includeOutboundIPRanges": _POD,
    "traffic.sidecar.istio.io/includeOutboundPorts": _POD,
    "traffic.sidecar.istio.io/kubevirtInterfaces": _OLD_POD,
}
"""Every annotation, by name."""
