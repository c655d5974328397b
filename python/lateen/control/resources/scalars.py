"""Values with a form or range of their own: durations, numbers, texts that are not empty."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta

UInt32 = Annotated[int, Meta(ge=0, le=(1 << 32) - 1)]
"""A number of 32 bits without a sign."""

UInt64 = Annotated[int, Meta(ge=0)]
"""A number without a sign; msgspec itself allows 64 bits."""

Percentage = Annotated[float, Meta(ge=0, le=100)]
"""0 to 100."""

Text = Annotated[str, Meta(min_length=1)]
"""A text that is not empty."""

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_WHOLE = re.compile(rf"-?(?:{_PART.pattern})+|0", re.ASCII)


# What Go can count in nanoseconds.
_LONGEST_S = (2**63 - 1) / 1e9


class Duration(float):
    """Seconds, written as Go writes a duration: `1h30m`, `0.5s`, `250ms`.

    Source: https://pkg.go.dev/time#ParseDuration, by which Istio reads durations.
    """

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read a duration.

        Raises:
            ValueError: it is none.
        """
        if not _WHOLE.fullmatch(text):
            raise ValueError(f"{text!r} is no duration such as 1h30m, 5s or 250ms")
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
        if seconds > _LONGEST_S:
            raise ValueError(f"{text!r} is too long: 292 years at most")
        return cls(-seconds if text.startswith("-") else seconds)


def decode(wanted: type, value: object) -> object:
    """msgspec's `dec_hook`: turns text into values that msgspec does not know.

    Raises:
        ValueError: it is not such a text.
        LookupError: another type is wanted, which no resource has.
    """
    if wanted is not Duration:
        raise LookupError(f"nothing reads {wanted}")
    if isinstance(value, str):
        return Duration.parse(value)
    raise ValueError(f"{value!r} is no duration such as 1h30m, 5s or 250ms")
