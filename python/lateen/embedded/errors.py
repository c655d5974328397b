"""What can go wrong with a proxy in one's own process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lateen.config import Diagnostic


class ProxyError(Exception):
    """The proxy cannot start, or does not run; the message says why."""


class ConfigError(ProxyError):
    """A configuration cannot be used; the message has one line for each thing that is wrong.

    Attributes:
        diagnostics: the same, with path, file, line and column; warnings among them.
    """

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("\n".join(str(each) for each in diagnostics))
        self.diagnostics = tuple(diagnostics)
