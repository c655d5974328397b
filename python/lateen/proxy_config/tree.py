"""JSON values and what is looked up in them; what is not there is empty."""

from __future__ import annotations

from typing import TypeAlias

Json: TypeAlias = "bool | float | str | list[Json] | dict[str, Json] | None"


def child(value: Json, *path: str) -> Json:
    """The value at a path of keys; None: there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def items(value: Json, *path: str) -> list[Json]:
    """The list at a path."""
    found = child(value, *path)
    return found if isinstance(found, list) else []


def text(value: Json, *path: str) -> str:
    """The text at a path; numbers are written as such."""
    found = child(value, *path)
    if isinstance(found, float) and found.is_integer():
        return str(int(found))
    return str(found) if isinstance(found, str | int | float) else ""


def texts(value: Json, *path: str) -> list[str]:
    """The texts of the list at a path."""
    return [one for one in items(value, *path) if isinstance(one, str)]
