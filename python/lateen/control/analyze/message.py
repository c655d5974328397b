"""Messages about resources, with the codes of Istio's configuration analysis.

Source: istio.io, Configuration Analysis Messages (docs/reference/config/analysis).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from lateen.control.documents import Path
from lateen.control.resources.meta import Key, Resource

_DOCUMENTATION = "https://istio.io/latest/docs/reference/config/analysis"


class Level(IntEnum):
    """How bad it is; the worst first."""

    ERROR = 0
    WARNING = 1
    INFO = 2

    def __str__(self) -> str:
        return self.name.capitalize()


@dataclass(frozen=True)
class MessageType:
    """A kind of message.

    Attributes:
        code: as `IST0101`.
        name: Istio's word for it.
        level: how bad it is.
    """

    code: str
    name: str
    level: Level


@dataclass(frozen=True)
class Message:
    """A message about a resource.

    Attributes:
        type: which kind of message.
        key: of the resource.
        text: what is wrong and what to do.
        file: where the resource is written; empty: nowhere.
        line: in the file.
        suppressed: codes that the resource does not want to hear; `*`: none.
    """

    type: MessageType
    key: Key
    text: str
    file: str = ""
    line: int = 0
    suppressed: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.type.level} [{self.type.code}] ({self._origin()}) {self.text}"

    @property
    def reference(self) -> str:
        """File and line; empty if the resource is in no file."""
        return f"{self.file}:{self.line}" if self.file else ""

    def _origin(self) -> str:
        return f"{self.key} {self.reference}".rstrip()

    def as_json(self) -> Mapping[str, str]:
        """The fields that istioctl prints."""
        return {
            "code": self.type.code,
            "documentationUrl": f"{_DOCUMENTATION}/{self.type.code.lower()}/",
            "level": str(self.type.level),
            "message": self.text,
            "origin": str(self.key),
            "reference": self.reference,
        }


_SUPPRESS = "galley.istio.io/analyze-suppress"


def about(kind: MessageType, resource: Resource[object], text: str, path: Path = ()) -> Message:
    """A message about a resource, whose field at `path` is to blame."""
    line, _ = resource.position(path or ("metadata", "name"))
    return Message(
        kind,
        resource.key,
        text,
        resource.source.file,
        line,
        suppressed(resource.annotations),
    )


def suppressed(annotations: Mapping[str, str]) -> frozenset[str]:
    """The codes that a resource does not want to hear."""
    return frozenset(annotations.get(_SUPPRESS, "").split(","))
