"""Which endpoints a service wants to be called: its `trafficDistribution`, or an annotation.

Source: pilot/pkg/model/service.go GetTrafficDistribution.
"""

from __future__ import annotations

from collections.abc import Mapping

from lateen.control.model.service import Near

_ANNOTATION = "networking.istio.io/traffic-distribution"
_NAMES = {
    "preferclose": Near.ZONE,
    "prefersamezone": Near.ZONE,
    "prefersamenode": Near.NODE,
}


def near_of(field: str, annotations: Mapping[str, str]) -> Near | None:
    """What a service says; None: nothing, or what nobody knows.

    Args:
        field: of Kubernetes, which goes before the annotation.
    """
    written = field if field.lower() in _NAMES else annotations.get(_ANNOTATION, "")
    return _NAMES.get(written.lower())
