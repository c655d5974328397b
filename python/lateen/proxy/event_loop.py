"""asyncio without TLS: this process has its TLS in the workers, and Python's costs 4 MB.

asyncio itself does without `ssl` where Python was built without it.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    pass


def load_asyncio() -> ModuleType:
    """Imports asyncio, and `ssl` only if something else has done so before."""
    if "asyncio" in sys.modules or "ssl" in sys.modules:
        import asyncio

        return asyncio
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    modules["ssl"] = None
    try:
        import asyncio
    finally:
        # Whoever needs it later may import it.
        del modules["ssl"]
    return asyncio
