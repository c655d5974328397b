"""What a check finds wrong with a resource, by the fields that it names."""

from __future__ import annotations

from dataclasses import dataclass, field

from lateen.config.diagnostics import Diagnostic, Severity
from lateen.control.documents import Document, Path


@dataclass
class Report:
    """The problems of one manifest, found one after the other.

    Attributes:
        source: the manifest.
        found: what is wrong, in the order in which it was found.
    """

    source: Document
    found: list[Diagnostic] = field(default_factory=list)

    @property
    def refuses(self) -> bool:
        """Whether an error is among them."""
        return any(problem.severity == "error" for problem in self.found)

    def error(self, path: Path, message: str, hint: str = "") -> None:
        """Note what refuses the resource; `path` is that of the field."""
        self._add("error", path, message, hint)

    def warn(self, path: Path, message: str, hint: str = "") -> None:
        """Note what is hardly meant."""
        self._add("warning", path, message, hint)

    def _add(self, severity: Severity, path: Path, message: str, hint: str) -> None:
        line, column = self.source.position(path)
        place = spelled(path)
        found = Diagnostic(severity, place, message, hint, self.source.file, line, column)
        self.found.append(found)


def spelled(path: Path) -> str:
    """A path as people write it: `spec.http[0].route`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")
