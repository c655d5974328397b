"""Values that several kinds have: durations, percentages, exports.

Source: Istio pkg/config/validation/validation.go, agent/validation.go,
pkg/config/visibility/visibility.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from lateen.control.resources.checks.names import is_dns_label
from lateen.control.resources.field import Field
from lateen.control.resources.scalars import Duration
from lateen.control.resources.traffic import Percent

_LEAST_PERCENT = 0.0001
_MOST_DIGITS = 20


def is_number(text: str, largest: int) -> bool:
    """Whether it is a number in decimal digits, without a sign."""
    # Python refuses to read numbers of thousands of digits.
    digits = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    return digits and int(text) <= largest


def check_duration(at: Field, duration: Duration | None) -> None:
    """Note a duration below 1 ms, or of parts of one; None: it is not set."""
    if duration is None:
        return
    milliseconds = duration * 1000
    if milliseconds < 1:
        at.error(f"{duration:g} s is less than 1 ms", "1ms or more")
    elif abs(milliseconds - round(milliseconds)) > 1e-6:
        at.error(f"{duration:g} s is no number of milliseconds", "1ms is the finest")


def check_percent(at: Field, value: float) -> None:
    """Note what is no percentage."""
    if not 0 <= value <= 100:
        at.error(f"{value:g} is no percentage", "0 to 100")


def check_fault_percentage(at: Field, percent: Percent | None) -> None:
    """Note what is no percentage of a fault, whose least is one in a million."""
    if percent is None:
        return
    check_percent(at / "value", percent.value)
    if 0 < percent.value < _LEAST_PERCENT:
        (at / "value").error(f"{percent.value:g} is too small", f"0, or {_LEAST_PERCENT} or more")


def check_export_to(
    at: Field, namespace: str, exports: Sequence[str], *, nobody: bool = False
) -> None:
    """Note exports that contradict each other.

    Args:
        namespace: of the resource, which `.` stands for.
        exports: namespaces, `.` or `*`.
        nobody: whether `~` is one: of a ServiceEntry.
    """
    seen: set[str] = set()
    for place, export in at.each(exports):
        name = namespace if export == "." else export
        if name in seen:
            place.error(f"{export!r} is there twice", "remove one")
        elif export == "~" and not nobody:
            place.error("only a ServiceEntry can be exported to nobody (~)", "remove it")
        elif export not in (".", "*", "~") and not is_dns_label(export):
            place.error(f"{export!r} is no namespace", "a namespace, `.` for the own, `*` for all")
        seen.add(name)
    if len(exports) > 1 and "*" in seen:
        at.error("* and other namespaces cannot be there together", "keep *, or remove it")
    if len(exports) > 1 and "~" in seen:
        at.error("~ and namespaces cannot be there together", "keep ~, or remove it")
