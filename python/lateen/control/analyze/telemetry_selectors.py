"""Telemetries about no pod, or about the same.

Source: Istio pkg/config/analysis/analyzers/telemetry/selector.go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import CONFLICTING_TELEMETRIES, NOT_FOUND
from lateen.control.analyze.selecting import names_of, pods_selected, spelled
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.meta import Resource
from lateen.control.resources.telemetry import Telemetry


def telemetry_selectors(resources: Snapshot) -> Iterator[Message]:
    """Looks for the pods of each telemetry's selector."""
    of_pod: dict[tuple[str, str], list[Resource[Telemetry]]] = defaultdict(list)
    for telemetry in resources.of(Telemetry):
        selector = telemetry.spec.selector
        if selector is None or not selector.match_labels:
            continue
        pods = list(pods_selected(resources, selector.match_labels, telemetry.namespace))
        if not pods:
            text = f"No pod has the labels of the selector {spelled(selector.match_labels)}"
            yield about(NOT_FOUND, telemetry, text, ("spec", "selector"))
        for pod in pods:
            of_pod[pod.name, pod.namespace].append(telemetry)
    for (name, _), telemetries in of_pod.items():
        for telemetry in telemetries if len(telemetries) > 1 else ():
            text = f"The telemetries {names_of(telemetries)} select the same pod {name}: keep one"
            yield about(CONFLICTING_TELEMETRIES, telemetry, text)
