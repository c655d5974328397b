"""Digests that name what a message holds.

BLAKE2 without `hashlib`, which loads OpenSSL where Python has it: 4 MB of memory.
"""

from __future__ import annotations

try:
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b


def digest(*parts: bytes, size: int = 8) -> bytes:
    """The digest of the parts, `size` bytes long; ("a", "b") has another one than ("ab",)."""
    state = blake2b(digest_size=size)
    for part in parts:
        state.update(len(part).to_bytes(8, "little") + part)
    return state.digest()
