"""The messages of hot restart, without sockets.

A frame is the four bytes `lthr`, the length in bytes (32 bits, big-endian) and a JSON object whose
`type` says what it is. Descriptors travel beside a frame; its `descriptors` says how many.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import TypeAlias

# Raised when a process of the old version could misunderstand one of the new.
PROTOCOL = 1
HOT_RESTART_VERSION = f"lateen.{PROTOCOL}"

Message: TypeAlias = "dict[str, object]"

_MAGIC = b"lthr"
_HEADER = struct.Struct("!4sI")
# A message holds all counters and gauges of a process at most.
_LARGEST = 512 * 1024 * 1024


class WireError(Exception):
    """What arrived is no message of hot restart; the message says what it is instead."""


def encode(message: Message) -> bytes:
    """One frame."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return _HEADER.pack(_MAGIC, len(body)) + body


class Decoder:
    """Takes bytes as they arrive, gives whole messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete now.

        Raises:
            WireError: the peer speaks something else.
        """
        self._buffer += data
        while (message := self._next()) is not None:
            yield message

    def _next(self) -> Message | None:
        seen = bytes(self._buffer[: len(_MAGIC)])
        if not _MAGIC.startswith(seen):
            raise WireError(f"it begins with {bytes(self._buffer[:16])!r}")
        if len(self._buffer) < _HEADER.size:
            return None
        _, length = _HEADER.unpack_from(self._buffer)
        if length > _LARGEST:
            raise WireError(f"a message of {length} bytes")
        end = _HEADER.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_HEADER.size : end])
        del self._buffer[:end]
        return _object(body)


def _object(body: bytes) -> Message:
    try:
        message = json.loads(body)
    except ValueError as error:
        raise WireError(f"a message that is not JSON: {error}") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise WireError("a message without a type")
    return message


def text_of(message: Message, name: str) -> str:
    """A field that must be text.

    Raises:
        WireError: it is not.
    """
    value = message.get(name)
    if not isinstance(value, str):
        raise WireError(f"{message['type']}: {name} is not text")
    return value


def number_of(message: Message, name: str) -> int:
    """A field that must be a whole number, 0 or more.

    Raises:
        WireError: it is not.
    """
    value = message.get(name)
    if type(value) is not int or value < 0:
        raise WireError(f"{message['type']}: {name} is not a number")
    return value


def texts_of(message: Message, name: str) -> list[str]:
    """A field that must be a list of texts.

    Raises:
        WireError: it is not.
    """
    value = message.get(name)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise WireError(f"{message['type']}: {name} is not a list of texts")
    return value


def numbers_of(message: Message, name: str) -> dict[str, int]:
    """A field that must be numbers by name.

    Raises:
        WireError: it is not.
    """
    value = message.get(name)
    if not isinstance(value, dict) or not all(type(each) is int for each in value.values()):
        raise WireError(f"{message['type']}: {name} is not an object of numbers")
    return value
