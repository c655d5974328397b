"""Ports of gateways that their services do not have.

Source: Istio pkg/config/analysis/analyzers/gateway/gateway.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import NOT_FOUND, PORT_NOT_IN_SERVICE
from lateen.control.analyze.selecting import pods_selected, spelled
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.gateway import Gateway
from lateen.control.resources.kubernetes.pod import Pod
from lateen.control.resources.kubernetes.service import Service
from lateen.control.resources.meta import Resource
from lateen.control.resources.selectors import selects


def no_workload(gateway: Resource[Gateway]) -> Message:
    """That a gateway selects no pod."""
    text = f"No pod has the labels of the selector {spelled(gateway.spec.selector)}"
    return about(NOT_FOUND, gateway, text, ("spec", "selector"))


def gateway_ports(resources: Snapshot) -> Iterator[Message]:
    """Looks for the ports in the services of the pods that a gateway selects."""
    for gateway in resources.of(Gateway):
        pods = list(pods_selected(resources, gateway.spec.selector))
        if not pods:
            yield no_workload(gateway)
            continue
        ports = {port for pod in pods for port in _ports_of(resources, pod)}
        for index, server in enumerate(gateway.spec.servers):
            if server.port is not None and server.port.number not in ports:
                text = (
                    f"No service has port {server.port.number} of the pods with "
                    f"{spelled(gateway.spec.selector)}, so none leads to it: add it to the service"
                )
                path = ("spec", "servers", index, "port", "number")
                yield about(PORT_NOT_IN_SERVICE, gateway, text, path)


def _ports_of(resources: Snapshot, pod: Resource[Pod]) -> Iterator[int]:
    """A service's own ports count, too: Istio translates them to the pods'."""
    for service in resources.of(Service):
        if service.namespace != pod.namespace or not selects(service.spec.selector, pod.labels):
            continue
        for port in service.spec.ports:
            if port.protocol == "TCP":
                yield port.port
                if isinstance(port.target_port, int) and port.target_port:
                    yield port.target_port
