"""JSON values as protobuf scalars, as leniently as Envoy takes them.

Envoy uses protobuf's C++ JSON reader in its legacy mode: numbers may be strings, booleans may be
any of the words absl::SimpleAtob knows, bytes may be in either base64 alphabet with or without
padding.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from google.protobuf.descriptor import FieldDescriptor

from lateen.config.syntax import Tree

Scalar = bool | int | float | str | bytes


class BadValue(Exception):
    """A value does not fit its field; the message says what is expected."""


_DECIMAL = re.compile(r"-?\d+")
_FLOAT = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|0[xX][0-9a-fA-F]+|inf(?:inity)?|nan)", re.I
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_TRUE = frozenset(("true", "t", "yes", "y", "1"))
_FALSE = frozenset(("false", "f", "no", "n", "0"))


def describe(value: Tree) -> str:
    """What a value is, for an error."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, str):
        shown = value if len(value) <= 60 else f"{value[:57]}..."
        return f'the string "{shown}"'
    if isinstance(value, int | float):
        return f"the number {value}"
    return "a list" if isinstance(value, list) else "a mapping"


def to_string(value: Tree) -> str:
    """A string field's value.

    Raises:
        BadValue: it is no string. YAML reads unquoted numbers and words such as `n` as others.
    """
    if value.__class__ is not str:
        hint = "; put it in quotes" if isinstance(value, bool | int | float) else ""
        raise BadValue(f"expected a string, not {describe(value)}{hint}")
    assert isinstance(value, str)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadValue("the string is no valid Unicode") from None
    return value


def to_bool(value: Tree) -> bool:
    """A bool field's value.

    Raises:
        BadValue: it is neither a boolean nor a word for one.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
    raise BadValue(f"expected true or false, not {describe(value)}")


def to_float(value: Tree) -> float:
    """A float or double field's value.

    Raises:
        BadValue: it is no number.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and _FLOAT.fullmatch(value):
        return float(int(value, 16)) if "x" in value.lower() else float(value)
    raise BadValue(f"expected a number, not {describe(value)}")


def integer(lowest: int, highest: int) -> Callable[[Tree], int]:
    """The converter for an integer field of a range."""

    def convert(value: Tree) -> int:
        if value.__class__ is int:
            number = value
        elif isinstance(value, str) and _DECIMAL.fullmatch(value):
            number = int(value)
        else:
            try:
                real = to_float(value)
            except BadValue:
                raise BadValue(f"expected a whole number, not {describe(value)}") from None
            if real - real != 0 or real != int(real):
                raise BadValue(f"expected a whole number, not {describe(value)}")
            number = int(real)
        assert isinstance(number, int)
        if not lowest <= number <= highest:
            raise BadValue(f"{number} is not between {lowest} and {highest}")
        return number

    return convert


def to_bytes(value: Tree) -> bytes:
    """A bytes field's value.

    Raises:
        BadValue: it is no base64.
    """
    if isinstance(value, str) and _BASE64.fullmatch(value):
        digits = value.rstrip("=").replace("-", "+").replace("_", "/")
        padding = -len(digits) % 4
        if padding < 3 and len(value) - len(digits) in (0, padding):
            try:
                return base64.b64decode(digits + "=" * padding)
            except binascii.Error:
                pass
    raise BadValue(f"expected base64, not {describe(value)}")


_INT32 = integer(-(2**31), 2**31 - 1)
_INT64 = integer(-(2**63), 2**63 - 1)
_UINT32 = integer(0, 2**32 - 1)
_UINT64 = integer(0, 2**64 - 1)

CONVERTERS: dict[int, Callable[[Tree], Scalar]] = {
    FieldDescriptor.TYPE_STRING: to_string,
    FieldDescriptor.TYPE_BYTES: to_bytes,
    FieldDescriptor.TYPE_BOOL: to_bool,
    FieldDescriptor.TYPE_FLOAT: to_float,
    FieldDescriptor.TYPE_DOUBLE: to_float,
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_SFIXED32: _INT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_SINT64: _INT64,
    FieldDescriptor.TYPE_SFIXED64: _INT64,
    FieldDescriptor.TYPE_UINT32: _UINT32,
    FieldDescriptor.TYPE_FIXED32: _UINT32,
    FieldDescriptor.TYPE_UINT64: _UINT64,
    FieldDescriptor.TYPE_FIXED64: _UINT64,
}

# The values of empty fields, where that is not 0.
EMPTY: dict[int, Scalar] = {
    FieldDescriptor.TYPE_STRING: "",
    FieldDescriptor.TYPE_BYTES: b"",
    FieldDescriptor.TYPE_BOOL: False,
}
