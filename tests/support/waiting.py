"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

SECONDS = 60.0
Found = TypeVar("Found")


def until(look: Callable[[], Found]) -> Found:
    """What `look` returns once it is something, within the limit."""
    end = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < end, "nothing came of it in time"
        time.sleep(0.1)
    return found
