"""The few rules of protobuf's wire format that the build needs to edit unparsed options."""

from __future__ import annotations

from collections.abc import Iterator

LENGTH_DELIMITED = 2
_FIXED_SIZES = {1: 8, 5: 4}


def varint(value: int) -> bytes:
    """A number as a base-128 varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Each field of a serialized message: its number, and its bytes with the tag.

    Raises:
        ValueError: a group or another wire type that descriptors do not use.
    """
    position = 0
    while position < len(message):
        start = position
        tag, position = _read_varint(message, position)
        wire_type = tag & 7
        if wire_type == 0:
            _, position = _read_varint(message, position)
        elif wire_type == LENGTH_DELIMITED:
            length, position = _read_varint(message, position)
            position += length
        elif wire_type in _FIXED_SIZES:
            position += _FIXED_SIZES[wire_type]
        else:
            raise ValueError(f"wire type {wire_type} in a descriptor's options")
        yield tag >> 3, message[start:position]


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
