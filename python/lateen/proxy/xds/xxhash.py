"""XXH64, which Envoy shows a version text as in a gauge.

Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
"""

from __future__ import annotations

_1 = 0x9E3779B185EBCA87
_2 = 0xC2B2AE3D27D4EB4F
_3 = 0x165667B19E3779F9
_4 = 0x85EBCA77C2B2AE63
_5 = 0x27D4EB2F165667C5
_MASK = 2**64 - 1


def xxh64(data: bytes) -> int:
    """The hash of some bytes with seed 0, an unsigned number of 64 bits."""
    end = len(data)
    position = 0
    if end >= 32:
        lanes = [(_1 + _2) & _MASK, _2, 0, -_1 & _MASK]
        while position <= end - 32:
            for lane in range(4):
                lanes[lane] = _round(lanes[lane], _number(data, position + 8 * lane, 8))
            position += 32
        value = sum(_rotate(lanes[lane], (1, 7, 12, 18)[lane]) for lane in range(4)) & _MASK
        for lane in lanes:
            value = ((value ^ _round(0, lane)) * _1 + _4) & _MASK
    else:
        value = _5
    return _avalanche(_tail(data, position, (value + end) & _MASK))


def _tail(data: bytes, position: int, value: int) -> int:
    end = len(data)
    while position <= end - 8:
        value ^= _round(0, _number(data, position, 8))
        value = (_rotate(value, 27) * _1 + _4) & _MASK
        position += 8
    if position <= end - 4:
        value ^= _number(data, position, 4) * _1 & _MASK
        value = (_rotate(value, 23) * _2 + _3) & _MASK
        position += 4
    for byte in data[position:]:
        value ^= byte * _5 & _MASK
        value = _rotate(value, 11) * _1 & _MASK
    return value


def _avalanche(value: int) -> int:
    value = (value ^ value >> 33) * _2 & _MASK
    value = (value ^ value >> 29) * _3 & _MASK
    return value ^ value >> 32


def _round(lane: int, number: int) -> int:
    return _rotate((lane + number * _2) & _MASK, 31) * _1 & _MASK


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> 64 - bits) & _MASK


def _number(data: bytes, position: int, size: int) -> int:
    return int.from_bytes(data[position : position + size], "little")
