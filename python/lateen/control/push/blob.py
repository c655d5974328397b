"""A resource as it goes over the wire: encoded once, whoever it is sent to.

Source: envoy/service/discovery/v3/discovery.proto; https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.xds.resource_types import TYPE_URL_PREFIX

if TYPE_CHECKING:
    from google.protobuf.message import Message

#: Fields of Resource, of Any, and the one of both kinds of answers that holds resources.
_VERSION, _RESOURCE, _NAME = 1, 2, 3
_TYPE_URL, _VALUE = 1, 2
_RESOURCES = 2


@dataclass(frozen=True, eq=False)
class Blob:
    """A resource; the same object wherever it is the same.

    Attributes:
        name: of the resource.
        version: changes whenever its bytes do.
        delta: it as a field of a DeltaDiscoveryResponse; it ends with the Any, that with the body.
        size: of the body, in bytes.
        packed_size: of the Any, in bytes.
    """

    name: str
    version: str
    delta: bytes
    size: int
    packed_size: int

    @property
    def body(self) -> bytes:
        """The message."""
        return self.delta[-self.size :] if self.size else b""

    @property
    def whole(self) -> bytes:
        """It as a field of a DiscoveryResponse."""
        return length_delimited(_RESOURCES, self.delta[-self.packed_size :])


def blob(name: str, message: Message, type_url: str = "") -> Blob:
    """A message as a resource: equal messages are equal resources.

    Args:
        type_url: of the resource; empty: as its message is called.
    """
    body = message.SerializeToString(deterministic=True)
    version = hashlib.blake2b(body, digest_size=8).hexdigest()
    type_url = type_url or TYPE_URL_PREFIX + message.DESCRIPTOR.full_name
    packed = length_delimited(_TYPE_URL, type_url.encode()) + length_delimited(_VALUE, body)
    resource = b"".join(
        (
            length_delimited(_NAME, name.encode()),
            length_delimited(_VERSION, version.encode()),
            length_delimited(_RESOURCE, packed),
        )
    )
    return Blob(name, version, length_delimited(_RESOURCES, resource), len(body), len(packed))


def length_delimited(number: int, content: bytes) -> bytes:
    """A field that holds a text, bytes or a message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
