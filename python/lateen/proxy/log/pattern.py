"""Log formats in spdlog's syntax (https://github.com/gabime/spdlog/wiki/3.-Custom-formatting)."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Sequence

from lateen.proxy.log.record import Record

DEFAULT_FORMAT = "[%Y-%m-%d %T.%e][%t][%l][%n] [%g:%#] %v"

Formatter = Callable[[Record], str]

_PLACE = re.compile(r"%([-=]?)(\d*)(!?)(.)", re.DOTALL)
_SHORT_LEVEL = "TDIWECO"
# What strftime has under the same letter.
_TIME = frozenset("aAbBcCYDmdHIMSpRTzr")


def _millis(record: Record) -> str:
    return f"{int(record.time_s * 1000) % 1000:03d}"


_FIELDS: dict[str, Formatter] = {
    "v": lambda record: record.message,
    "t": lambda record: str(record.thread),
    "P": lambda _: str(os.getpid()),
    "n": lambda record: record.component,
    "l": lambda record: record.level.label,
    "L": lambda record: _SHORT_LEVEL[record.level],
    "e": _millis,
    "f": lambda record: f"{int(record.time_s * 1_000_000) % 1_000_000:06d}",
    "F": lambda record: f"{int(record.time_s * 1_000_000_000) % 1_000_000_000:09d}",
    "E": lambda record: str(int(record.time_s)),
    "s": lambda record: os.path.basename(record.source),
    "g": lambda record: record.source,
    "#": lambda record: str(record.line),
    "!": lambda _: "",
    "@": lambda record: f"{record.source}:{record.line}",
    "^": lambda _: "",
    "$": lambda _: "",
    # Envoy's own: the message on one line, the message inside a JSON string.
    "_": lambda record: record.message.replace("\n", "\\n"),
    "j": lambda record: json.dumps(record.message)[1:-1],
    "*": lambda _: "",
}


def compile_pattern(pattern: str) -> Formatter:
    """A function that formats records by `pattern`; unknown flags are printed as they are."""
    pieces: list[str | Formatter] = []
    position = 0
    for match in _PLACE.finditer(pattern):
        pieces.append(pattern[position : match.start()])
        pieces.append(_piece(match))
        position = match.end()
    pieces.append(pattern[position:])
    kept = [piece for piece in pieces if piece != ""]
    return lambda record: _join(kept, record)


def _join(pieces: Sequence[str | Formatter], record: Record) -> str:
    return "".join(piece if isinstance(piece, str) else piece(record) for piece in pieces)


def _piece(match: re.Match[str]) -> str | Formatter:
    align, width, cut, flag = match.groups()
    if flag == "%":
        return "%"
    field = _FIELDS.get(flag)
    if field is None:
        if flag not in _TIME:
            return match[0]
        field = _time_field(flag)
    return _padded(field, align, int(width), bool(cut)) if width else field


def _time_field(flag: str) -> Formatter:
    return lambda record: time.strftime(f"%{flag}", time.localtime(record.time_s))


def _padded(field: Formatter, align: str, width: int, cut: bool) -> Formatter:
    def pad(record: Record) -> str:
        text = field(record)
        if cut:
            text = text[:width]
        if align == "-":
            return text.ljust(width)
        return text.center(width) if align == "=" else text.rjust(width)

    return pad


def json_formatter(record: Record) -> str:
    """A record as one JSON object on one line."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.time_s))
    fields: dict[str, str | int] = {
        "time": f"{moment}.{_millis(record)}Z",
        "level": record.level.label,
        "component": record.component,
        "thread": record.thread,
        "message": record.message,
    }
    if record.source:
        fields["source"] = f"{record.source}:{record.line}"
    return json.dumps(fields, ensure_ascii=False)
