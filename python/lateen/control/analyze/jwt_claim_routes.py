"""Routes by claims of tokens that nobody verifies.

Source: Istio pkg/config/analysis/analyzers/virtualservice/jwtclaimroute.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import CLAIMS_NOT_VERIFIED
from lateen.control.analyze.selecting import pods_selected
from lateen.control.analyze.snapshot import ISTIO_NAMESPACE, Snapshot
from lateen.control.resources.checks.headers import is_claim
from lateen.control.resources.gateway import Gateway
from lateen.control.resources.kubernetes.pod import Pod
from lateen.control.resources.meta import Resource
from lateen.control.resources.request_authentication import RequestAuthentication
from lateen.control.resources.selectors import selects
from lateen.control.resources.virtual_service import VirtualService


def jwt_claim_routes(resources: Snapshot) -> Iterator[Message]:
    """Looks for a RequestAuthentication of each pod of the gateways."""
    for service in resources.of(VirtualService):
        claim = _first_claim(service.spec)
        if not claim:
            continue
        for index, name in enumerate(service.spec.gateways):
            gateway = resources.find(Gateway, service.namespace, name)
            selector = gateway.spec.selector if gateway is not None else None
            pods = pods_selected(resources, selector) if selector is not None else ()
            for pod in pods:
                if not _is_verified(resources, pod):
                    text = (
                        f"Pod {pod.name} of gateway {name} verifies no tokens, and a route matches "
                        f"{claim}: add a RequestAuthentication for it"
                    )
                    yield about(CLAIMS_NOT_VERIFIED, service, text, ("spec", "gateways", index))


def _first_claim(service: VirtualService) -> str:
    names = (
        name
        for route in service.http
        for match in route.match
        for name in (*match.headers, *match.without_headers)
    )
    return next(filter(is_claim, names), "")


def _is_verified(resources: Snapshot, pod: Resource[Pod]) -> bool:
    return any(
        selects(one.spec.selector.match_labels if one.spec.selector else {}, pod.labels)
        for one in resources.of(RequestAuthentication)
        if one.namespace in (ISTIO_NAMESPACE, pod.namespace)
    )
