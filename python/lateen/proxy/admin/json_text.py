"""JSON documents as the admin endpoints print them."""

from __future__ import annotations

import json
from typing import TypeAlias

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"


def document(value: JsonValue) -> str:
    """A document: one space of indentation a level, a line break at the end."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
