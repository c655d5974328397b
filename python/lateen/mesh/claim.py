"""Which of the machine's meshes this one is."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

_MOST = 256


class ClaimError(Exception):
    """No number is free; the message says so."""


@contextmanager
def claimed_number() -> Iterator[int]:
    """The lowest number that no mesh of this network namespace has, held for the block's length.

    It is held by a socket with an abstract name (unix(7)), which is gone with its process.

    Raises:
        ClaimError: all are taken.
    """
    for number in range(_MOST):
        with socket.socket(socket.AF_UNIX) as claim:
            try:
                claim.bind(f"\0lateen.up.{number}")
            except OSError:
                continue
            yield number
            return
    raise ClaimError(f"{_MOST} meshes run on this machine: end one")
