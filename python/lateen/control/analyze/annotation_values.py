"""What annotations of pods may say.

Source: Istio pkg/kube/inject/validate.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from lateen.config.syntax import ConfigSyntaxError
from lateen.control.documents import read_documents
from lateen.control.resources.checks.addresses import is_range
from lateen.control.resources.checks.annotations import BOOLEANS
from lateen.control.resources.checks.values import is_number

_QUANTITY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?", re.ASCII)
_INTERFACE = re.compile(r"[a-zA-Z][a-zA-Z0-9_.\-]{0,14}")
_MODES = ("REDIRECT", "TPROXY", "NONE")


def value_problem(name: str, value: str) -> str:
    """What is wrong with the value of an annotation; empty: nothing."""
    check = _VALUES.get(name)
    return "" if check is None else check(value)


def _mode(value: str) -> str:
    return "" if value in _MODES else f"{value!r} is none of {', '.join(_MODES)}"


def _number(value: str) -> str:
    return "" if is_number(value, (1 << 32) - 1) else f"{value!r} is no number"


def _boolean(value: str) -> str:
    return "" if value in BOOLEANS else f"{value!r} is neither true nor false"


def _quantity(value: str) -> str:
    return "" if _QUANTITY.fullmatch(value) else f"{value!r} is no quantity, as 100m or 128Mi"


def _port(value: str) -> str:
    return "" if is_number(value.strip(), (1 << 16) - 1) else f"{value!r} is no port"


def _ports(value: str) -> str:
    problems = (_port(one) for one in value.split(",")) if value.strip() else ()
    return next(filter(None, problems), "")


def _ports_or_all(value: str) -> str:
    return "" if value == "*" else _ports(value)


def _ranges(value: str) -> str:
    wrong = [one for one in value.split(",") if not is_range(one)] if value else []
    return f"{wrong[0]!r} is no range of addresses" if wrong else ""


def _ranges_or_all(value: str) -> str:
    return "" if value == "*" else _ranges(value)


def _interfaces(value: str) -> str:
    names = [one.strip() for one in value.split(",")] if value else []
    wrong = [one for one in names if not _INTERFACE.fullmatch(one)]
    return f"{wrong[0]!r} is no interface" if wrong else ""


def _mapping(value: str) -> str:
    try:
        documents = read_documents("", value)
    except ConfigSyntaxError as error:
        return error.message
    wrong = [one for one in documents if not isinstance(one.tree, dict)]
    return "it is no mapping" if wrong else ""


_VALUES: Mapping[str, Callable[[str], str]] = {
    "sidecar.istio.io/interceptionMode": _mode,
    "status.sidecar.istio.io/port": _port,
    "readiness.status.sidecar.istio.io/initialDelaySeconds": _number,
    "readiness.status.sidecar.istio.io/periodSeconds": _number,
    "readiness.status.sidecar.istio.io/failureThreshold": _number,
    "traffic.sidecar.istio.io/includeOutboundIPRanges": _ranges_or_all,
    "traffic.sidecar.istio.io/excludeOutboundIPRanges": _ranges,
    "traffic.sidecar.istio.io/includeInboundPorts": _ports_or_all,
    "traffic.sidecar.istio.io/excludeInboundPorts": _ports,
    "traffic.sidecar.istio.io/excludeOutboundPorts": _ports,
    "traffic.sidecar.istio.io/excludeInterfaces": _interfaces,
    "traffic.sidecar.istio.io/kubevirtInterfaces": _interfaces,
    "istio.io/reroute-virtual-interfaces": _interfaces,
    "prometheus.istio.io/merge-metrics": _boolean,
    "proxy.istio.io/config": _mapping,
    "sidecar.istio.io/proxyCPU": _quantity,
    "sidecar.istio.io/proxyMemory": _quantity,
    "sidecar.istio.io/proxyCPULimit": _quantity,
    "sidecar.istio.io/proxyMemoryLimit": _quantity,
}
