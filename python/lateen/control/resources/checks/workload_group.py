"""What a WorkloadGroup must be.

Source: Istio pkg/config/validation/validation.go ValidateWorkloadGroup; CRD rules of
istio/api networking/v1alpha3/workload_group.proto.
"""

from __future__ import annotations

from lateen.control.resources.checks.addresses import UNIX, check_unix_path
from lateen.control.resources.checks.headers import check_strict_name
from lateen.control.resources.checks.names import check_labels, check_port, check_port_name
from lateen.control.resources.field import Field
from lateen.control.resources.meta import Resource
from lateen.control.resources.workload_entry import WorkloadEntry
from lateen.control.resources.workload_group import ReadinessProbe, WorkloadGroup

_METHODS = ("httpGet", "tcpSocket", "exec", "grpc")


def check_workload_group(resource: Resource[WorkloadGroup], at: Field) -> None:
    """Note what is wrong with it."""
    check_labels(at / "metadata" / "labels", resource.spec.metadata.labels)
    _check_template(at / "template", resource.spec.template)
    if resource.spec.probe is not None:
        _check_probe(at / "probe", resource.spec.probe)


def _check_template(at: Field, template: WorkloadEntry) -> None:
    """Each machine has an address of its own, so the template needs none."""
    if template.address.startswith(UNIX):
        check_unix_path(at / "address", template.address)
        if (at / "ports").written:
            (at / "ports").error("a Unix socket has no ports", "remove them")
    for place, name, number in (at / "ports").entries(template.ports):
        check_port_name(place, name)
        check_port(place, number)


def _check_probe(at: Field, probe: ReadinessProbe) -> None:
    numbers = {
        "periodSeconds": probe.period_seconds,
        "initialDelaySeconds": probe.initial_delay_seconds,
        "timeoutSeconds": probe.timeout_seconds,
        "successThreshold": probe.success_threshold,
        "failureThreshold": probe.failure_threshold,
    }
    for name, value in numbers.items():
        if value < 0:
            (at / name).error(f"{value} is below 0", "0 or more")
    at.at_most_one(*_METHODS)
    if not any((at / name).written for name in _METHODS):
        at.error("the probe does nothing", f"set one of {', '.join(_METHODS)}")
    if probe.http_get is not None:
        check_port(at / "httpGet" / "port", probe.http_get.port)
        if probe.http_get.scheme not in ("", "HTTP", "HTTPS"):
            (at / "httpGet" / "scheme").error(
                f"{probe.http_get.scheme!r} is no scheme", "HTTP or HTTPS"
            )
        for place, header in (at / "httpGet" / "httpHeaders").each(probe.http_get.http_headers):
            check_strict_name(place / "name", header.name)
    if probe.tcp_socket is not None:
        check_port(at / "tcpSocket" / "port", probe.tcp_socket.port)
    if probe.exec is not None and not probe.exec.command:
        (at / "exec" / "command").error("the command is empty", "a program and its arguments")
    if probe.grpc is not None and (at / "grpc" / "port").written:
        check_port(at / "grpc" / "port", probe.grpc.port)
