"""Fields and kinds that Istio does not have any more, or not for long.

Source: Istio pkg/config/analysis/analyzers/deprecation/deprecation.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.kinds import CustomResourceDefinition
from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import DEPRECATED
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.sidecar import Sidecar
from lateen.control.resources.virtual_service import VirtualService

_REMOVED_GROUP = "rbac.istio.io"
_REMOVED = ("ClusterRbacConfig", "RbacConfig", "ServiceRole", "ServiceRoleBinding")
_PERCENT = ("fault", "delay", "percent")


def deprecation(resources: Snapshot) -> Iterator[Message]:
    """Looks at what is deprecated."""
    for service in resources.of(VirtualService):
        for index, route in enumerate(service.spec.http):
            fault = route.fault
            if fault is not None and fault.delay is not None and fault.delay.percent > 0:
                text = "fault.delay.percent is deprecated: use fault.delay.percentage"
                yield about(DEPRECATED, service, text, ("spec", "http", index, *_PERCENT))
    for sidecar in resources.of(Sidecar):
        policy = sidecar.spec.outbound_traffic_policy
        if policy is not None and policy.egress_proxy is not None:
            path = ("spec", "outboundTrafficPolicy", "egressProxy")
            text = "outboundTrafficPolicy.egressProxy is deprecated and has no effect: remove it"
            yield about(DEPRECATED, sidecar, text, path)
    for crd in resources.of(CustomResourceDefinition):
        if crd.spec.group == _REMOVED_GROUP and crd.spec.names.kind in _REMOVED:
            text = f"{crd.spec.names.kind} of {_REMOVED_GROUP} is not there any more: remove it"
            yield about(DEPRECATED, crd, text)
