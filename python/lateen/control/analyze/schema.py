"""What is wrong with a resource alone, as the webhook would say it."""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.message import Message, suppressed
from lateen.control.analyze.messages import SCHEMA_ERROR, SCHEMA_WARNING
from lateen.control.analyze.snapshot import Snapshot


def validation(resources: Snapshot) -> Iterator[Message]:
    """Errors and warnings of every kind's own rules."""
    for key, of_resource, problem in resources.problems:
        kind = SCHEMA_ERROR if problem.severity == "error" else SCHEMA_WARNING
        hint = f" ({problem.hint})" if problem.hint else ""
        where = f"{problem.path}: " if problem.path else ""
        text = f"{where}{problem.message}{hint}"
        yield Message(kind, key, text, problem.file, problem.line, suppressed(of_resource))
