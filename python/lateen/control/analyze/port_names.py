"""Ports of services that do not say their protocol.

Source: Istio pkg/config/analysis/analyzers/service/portname.go; istio.io, Protocol Selection.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import EXTERNAL_PORT_NAME, PORT_NAME
from lateen.control.analyze.selecting import is_control_plane
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.model.protocol import Protocol, protocol_of_port
from lateen.control.resources.kubernetes.service import Service

_MANAGED = "gateway.istio.io/managed"
_CONTROLLERS = (
    "istio.io-gateway-controller",
    "istio.io-mesh-controller",
    "istio.io-eastwest-controller",
)


def port_names(resources: Snapshot) -> Iterator[Message]:
    """Looks at names and appProtocol of ports."""
    for service in resources.of(Service):
        if is_control_plane(service) or service.labels.get(_MANAGED) in _CONTROLLERS:
            continue
        external = service.spec.type == "ExternalName"
        for index, port in enumerate(service.spec.ports):
            protocol = protocol_of_port(port.port, port.name, port.protocol, port.app_protocol)
            path = ("spec", "ports", index)
            if external and (protocol is Protocol.UNSUPPORTED or port.name == "tcp"):
                text = (
                    f"Port {port.port} of an ExternalName service takes all TCP from others at "
                    "that port: name it by its protocol, as http or tls"
                )
                yield about(EXTERNAL_PORT_NAME, service, text, path)
            elif protocol is Protocol.UNSUPPORTED:
                named = f"name {port.name!r}" if port.name else "no name"
                text = (
                    f"Port {port.port} has {named}, which says no protocol: name it "
                    "PROTOCOL-NAME, as http-web, or set appProtocol"
                )
                yield about(PORT_NAME, service, text, path)
