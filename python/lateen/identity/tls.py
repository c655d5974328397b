"""A key and its certificate for TLS, without a file that has a name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


def load_pair(context: ssl.SSLContext, key: bytes, chain: bytes) -> None:
    """Have a TLS context prove itself by a key and its certificate chain, both PEM.

    OpenSSL takes a key from a file only: from one in memory that has no name.

    Raises:
        ssl.SSLError: they are none, or do not belong together.
    """
    descriptor = os.memfd_create("certificate")
    try:
        os.write(descriptor, chain + b"\n" + key)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
