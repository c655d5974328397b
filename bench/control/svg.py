"""Small line charts beside each other, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT, _COLUMNS = 380, 230, 2
_LEFT, _TOP, _RIGHT, _BOTTOM = 52, 34, 16, 36
_LINE, _LIMIT, _AXIS = "#1565c0", "#c62828", "#616161"


@dataclass(frozen=True)
class Panel:
    """One chart: a line through points, and a limit that is drawn across."""

    title: str
    points: Sequence[tuple[float, float]]
    limit: float | None = None


def panels(drawn: Sequence[Panel], across: str) -> str:
    """The charts in two columns; `across` is what the horizontal axes are."""
    rows = -(-len(drawn) // _COLUMNS)
    width, height = _COLUMNS * _WIDTH, rows * _HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        ' font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for number, panel in enumerate(drawn):
        row, column = divmod(number, _COLUMNS)
        parts.append(f'<g transform="translate({column * _WIDTH} {row * _HEIGHT})">')
        parts += [*_panel(panel, across), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, across: str) -> list[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    most_x = max(x for x, _ in panel.points) or 1.0
    most_y = max([y for _, y in panel.points] + [panel.limit or 0.0]) * 1.1 or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        left = _LEFT + (right - _LEFT) * x / most_x
        return round(left, 1), round(bottom - (bottom - _TOP) * y / most_y, 1)

    placed = [place(x, y) for x, y in panel.points]
    line = " ".join(f"{x},{y}" for x, y in placed)
    made = [
        _text(_LEFT, 18, panel.title, anchor="start", size=12),
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="{_AXIS}"/>',
        f'<polyline points="{line}" fill="none" stroke="{_LINE}" stroke-width="2"/>',
        _text(right, _HEIGHT - 6, across, anchor="end"),
    ]
    if panel.limit is not None:
        height = place(0, panel.limit)[1]
        made.append(f'<path d="M{_LEFT} {height}H{right}" stroke="{_LIMIT}" stroke-dasharray="4"/>')
        made.append(_text(_LEFT - 4, height + 4, f"{panel.limit:,.0f}", anchor="end"))
    for (x, value), (left, top) in zip(panel.points, placed, strict=True):
        made.append(f'<circle cx="{left}" cy="{top}" r="3" fill="{_LINE}"/>')
        made.append(_text(left, top - 6, f"{value:,.3g}" if value < 100 else f"{value:,.0f}"))
        made.append(_text(left, bottom + 14, f"{x:,.0f}"))
    return made


def _text(x: float, y: float, text: str, anchor: str = "middle", size: int = 11) -> str:
    style = f'text-anchor="{anchor}" font-size="{size}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'
