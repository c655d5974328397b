"""What is wrong with a configuration, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Diagnostic:
    """One problem.

    Attributes:
        severity: an error refuses the configuration, a warning does not.
        path: the field, such as `static_resources.clusters[3].lb_policy`; empty for the whole file.
        message: what is wrong.
        hint: what to do about it; empty if the message says it all.
        file: name of the source; empty when the configuration did not come from a file.
        line: 1-based; 0 when unknown.
        column: 1-based; 0 when unknown.
    """

    severity: Severity
    path: str
    message: str
    hint: str = ""
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        parts = (place, self.severity, self.path, self.message)
        text = ": ".join(part for part in parts if part)
        return f"{text} ({self.hint})" if self.hint else text


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the known name most like `name`; empty when none is like it."""
    # Imported here: a configuration without a mistake does without.
    import difflib

    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return f"did you mean {by_folded[found[0]]!r}?" if found else ""
