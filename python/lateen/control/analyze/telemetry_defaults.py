"""Several telemetries of one whole namespace.

Source: Istio pkg/config/analysis/analyzers/telemetry/default_selector.go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import MULTIPLE_TELEMETRIES
from lateen.control.analyze.selecting import names_of
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.meta import Resource
from lateen.control.resources.telemetry import Telemetry


def telemetry_defaults(resources: Snapshot) -> Iterator[Message]:
    """Looks for several telemetries of one whole namespace."""
    of_namespace: dict[str, list[Resource[Telemetry]]] = defaultdict(list)
    for telemetry in resources.of(Telemetry):
        if telemetry.spec.selector is None:
            of_namespace[telemetry.namespace].append(telemetry)
    for telemetries in of_namespace.values():
        for telemetry in telemetries if len(telemetries) > 1 else ():
            text = f"The telemetries {names_of(telemetries)} are for the whole namespace: keep one"
            yield about(MULTIPLE_TELEMETRIES, telemetry, text)
