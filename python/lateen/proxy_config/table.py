"""Tables of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_GAP = "     "


@dataclass(frozen=True)
class Table:
    """Rows under names.

    Attributes:
        columns: their names.
        rows: with a text for each column.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def lines(self) -> Iterator[str]:
        """The table with columns as wide as their widest text."""
        every = [self.columns, *self.rows]
        widths = [max(len(row[index]) for row in every) for index in range(len(self.columns))]
        for row in every:
            yield _GAP.join(_padded(row, widths)).rstrip()


def _padded(row: Sequence[str], widths: Iterable[int]) -> Iterator[str]:
    return (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
