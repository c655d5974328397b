"""ClientHellos and PROXY headers, byte by byte, for tests."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

SIGNATURE_V2 = b"\r\n\r\n\0\r\nQUIT\n"


def extension(kind: int, content: bytes) -> bytes:
    """An extension of a ClientHello."""
    return struct.pack("!HH", kind, len(content)) + content


def server_name(name: str) -> bytes:
    """The extension that names whom the client wants."""
    entry = b"\0" + struct.pack("!H", len(name)) + name.encode()
    return extension(0, struct.pack("!H", len(entry)) + entry)


def protocols(*names: str) -> bytes:
    """The extension that offers application protocols."""
    entries = b"".join(bytes([len(name)]) + name.encode() for name in names)
    return extension(16, struct.pack("!H", len(entries)) + entries)


BASIC = (
    extension(43, b"\x04\x03\x04\x03\x03"),
    extension(10, b"\0\x08\x3a\x3a\0\x1d\0\x17\0\x18"),
    extension(11, b"\x02\0\x01"),
    extension(13, b"\0\x08\x04\x03\x08\x04\x04\x01\x05\x03"),
    extension(51, b"\0\x26\0\x1d\0\x20" + bytes(range(32))),
)


def client_hello(*extensions: bytes, record_size: int = 16_384, version: int = 0x0303) -> bytes:
    """A ClientHello in records of at most `record_size` bytes."""
    joined = b"".join((*extensions, *BASIC))
    ciphers = struct.pack("!6H", 0x2A2A, 0x1301, 0x1302, 0xC02B, 0xC02F, 0x009C)
    body = struct.pack("!H", version) + bytes(32) + b"\0"
    body += struct.pack("!H", len(ciphers)) + ciphers + b"\x01\0"
    body += struct.pack("!H", len(joined)) + joined
    message = b"\x01" + struct.pack("!I", len(body))[1:] + body
    pieces = (message[at : at + record_size] for at in range(0, len(message), record_size))
    return b"".join(b"\x16\x03\x01" + struct.pack("!H", len(piece)) + piece for piece in pieces)


def proxy_v2(
    source: tuple[str, int] = ("1.2.3.4", 1000),
    destination: tuple[str, int] = ("5.6.7.8", 2000),
    tlvs: Sequence[tuple[int, bytes]] = (),
    command: int = 0x21,
    family: int = 0,
) -> bytes:
    """A PROXY header of version 2."""
    kind = socket.AF_INET6 if ":" in source[0] else socket.AF_INET
    content = socket.inet_pton(kind, source[0]) + socket.inet_pton(kind, destination[0])
    content += struct.pack("!HH", source[1], destination[1])
    content += b"".join(struct.pack("!BH", kind, len(value)) + value for kind, value in tlvs)
    code = family or (0x11 if kind == socket.AF_INET else 0x21)
    return SIGNATURE_V2 + bytes([command, code]) + struct.pack("!H", len(content)) + content
