"""Policies that select the pods of a gateway of the Gateway API, which only targetRefs do.

Source: Istio pkg/config/analysis/analyzers/k8sgateway/workloadselector.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import INEFFECTIVE_SELECTOR
from lateen.control.analyze.selecting import pods_selected
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.authorization_policy import AuthorizationPolicy
from lateen.control.resources.meta import Resource
from lateen.control.resources.request_authentication import RequestAuthentication
from lateen.control.resources.telemetry import Telemetry

_GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"


def gateway_selectors(resources: Snapshot) -> Iterator[Message]:
    """Looks for pods of gateways among those of each policy's selector."""
    policies: tuple[Resource[AuthorizationPolicy | RequestAuthentication | Telemetry], ...] = (
        *resources.of(AuthorizationPolicy),
        *resources.of(RequestAuthentication),
        *resources.of(Telemetry),
    )
    for policy in policies:
        selector = policy.spec.selector
        if selector is None or policy.spec.target_ref is not None:
            continue
        for pod in pods_selected(resources, selector.match_labels, policy.namespace):
            if _GATEWAY_NAME in pod.labels:
                name = pod.labels[_GATEWAY_NAME]
                text = f"The selector has no effect on the gateway {name}: use targetRefs"
                yield about(INEFFECTIVE_SELECTOR, policy, text, ("spec", "selector"))
