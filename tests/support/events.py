"""Event logs of proxies: a line of JSON each."""

from __future__ import annotations

import json
import time
from pathlib import Path

_LIMIT_S = 30.0


def read_events(path: Path, count: int) -> list[dict[str, object]]:
    """The first `count` events of a log, waited for."""
    end = time.monotonic() + _LIMIT_S
    while time.monotonic() < end:
        lines = path.read_text().splitlines() if path.exists() else []
        if len(lines) >= count:
            return [json.loads(line) for line in lines[:count]]
        time.sleep(0.05)
    raise AssertionError(f"{path} has no {count} lines")
