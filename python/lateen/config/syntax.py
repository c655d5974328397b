"""What the text formats share: the values they give and the errors they raise."""

from __future__ import annotations

from typing import Protocol, TypeAlias

from yaml import MarkedYAMLError, YAMLError

# A configuration as plain values: what JSON has.
Tree: TypeAlias = "bool | int | float | str | list[Tree] | dict[str, Tree] | None"

# protobuf's JSON reader, which Envoy hands its YAML to, refuses deeper nesting.
MAX_DEPTH = 100


class Mark(Protocol):
    """A position, 0-based."""

    line: int
    column: int


class ConfigSyntaxError(Exception):
    """A source is not well-formed; `line` and `column` are 1-based, 0 when unknown."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column

    @classmethod
    def at(cls, mark: Mark, message: str) -> ConfigSyntaxError:
        """The error at a position."""
        return cls(message, mark.line + 1, mark.column + 1)

    @classmethod
    def from_yaml(cls, error: YAMLError) -> ConfigSyntaxError:
        """libyaml's error, in one line."""
        if isinstance(error, MarkedYAMLError):
            mark = error.problem_mark or error.context_mark
            text = ", ".join(part for part in (error.context, error.problem) if part)
            return cls.at(mark, text) if mark else cls(text)
        return cls(str(error).replace("\n", " "))
