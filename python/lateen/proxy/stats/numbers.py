"""Numbers as Envoy's renderers print them."""

from __future__ import annotations

import math


def shortest(value: float) -> str:
    """The shortest text that reads back as `value`: `16.5`, `0`, `nan`."""
    if math.isnan(value):
        return "nan"
    text = repr(float(value))
    return text.removesuffix(".0")


def general(value: float) -> str:
    """Six significant digits: `0.5`, `300000`, `1.8e+06`."""
    return f"{value:g}"


def long_decimal(value: float) -> str:
    """Up to 32 significant digits, as in Prometheus output."""
    if math.isnan(value):
        return "nan"
    if value == int(value):
        return str(int(value))
    # Imported here: a proxy that nobody asks for its stats does without.
    from decimal import Decimal

    return f"{Decimal(value):.32g}".rstrip("0")


def json_number(value: float) -> str:
    """A JSON number, in exponent form where that is shorter; `null` for NaN."""
    if math.isnan(value):
        return "null"
    plain = shortest(value)
    if value and value == int(value) and "e" not in plain:
        digits = plain.rstrip("0")
        zeros = len(plain) - len(digits)
        mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
        scientific = f"{mantissa}e+{zeros + len(digits) - 1:02d}"
        if len(scientific) < len(plain):
            return scientific
    return plain
