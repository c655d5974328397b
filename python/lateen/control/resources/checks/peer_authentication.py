"""What a PeerAuthentication must be.

Source: Istio pkg/config/validation/validation.go ValidatePeerAuthentication; CRD rules of
istio/api security/v1beta1/peer_authentication.proto.
"""

from __future__ import annotations

from lateen.control.resources.checks.names import check_port
from lateen.control.resources.checks.selectors import check_label_selector
from lateen.control.resources.field import Field
from lateen.control.resources.meta import Resource
from lateen.control.resources.peer_authentication import PeerAuthentication


def check_peer_authentication(resource: Resource[PeerAuthentication], at: Field) -> None:
    """Note what is wrong with it."""
    policy = resource.spec
    check_label_selector(at / "selector", policy.selector)
    ports = at / "portLevelMtls"
    if ports.written and (policy.selector is None or not policy.selector.match_labels):
        ports.error("ports are those of selected workloads", "set selector.matchLabels")
    if ports.written and not policy.port_level_mtls:
        ports.error("there is no port", "name one, or remove portLevelMtls")
    for place, port, _ in ports.entries(policy.port_level_mtls):
        check_port(place, port)
