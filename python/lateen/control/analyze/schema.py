"""What is wrong with a resource alone, as the webhook would say it.

Source: Istio pkg/config/analysis/analyzers/schema/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.message import Message, about, suppressed
from lateen.control.analyze.messages import (
    INEFFECTIVE_MATCH,
    SCHEMA_ERROR,
    SCHEMA_WARNING,
    UNREACHABLE_RULE,
)
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.analyze.unreachable import Unreachable, unreachable_routes
from lateen.control.resources.virtual_service import VirtualService


def validation(resources: Snapshot) -> Iterator[Message]:
    """Errors and warnings of every kind's own rules, and routes that no request gets to."""
    for key, of_resource, problem in resources.problems:
        kind = SCHEMA_ERROR if problem.severity == "error" else SCHEMA_WARNING
        hint = f" ({problem.hint})" if problem.hint else ""
        where = f"{problem.path}: " if problem.path else ""
        text = f"{where}{problem.message}{hint}"
        yield Message(kind, key, text, problem.file, problem.line, suppressed(of_resource))
    for service in resources.of(VirtualService):
        for found in unreachable_routes(service.spec):
            kind = UNREACHABLE_RULE if isinstance(found, Unreachable) else INEFFECTIVE_MATCH
            yield about(kind, service, found.text, ("spec", *found.path))
