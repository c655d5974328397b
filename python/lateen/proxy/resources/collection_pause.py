"""Large updates without the cycle collector, which would walk all that was made so far again."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

# Objects made in one update from which on they are left alone whenever the collector runs:
# walking those of ten thousand clusters takes longer than an endpoint may wait.
_LARGE = 20_000


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Pauses the cycle collector."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] > _LARGE:
            gc.freeze()
        if was_enabled:
            gc.enable()
