"""Places inside a configuration.

While a tree is converted, a place is a linked pair `(place around it, key or index)`, which costs
little; the outermost is None. Users see it as `static_resources.clusters[3].metadata["a.b"]`.
"""

from __future__ import annotations

import re
from typing import TypeAlias

Step: TypeAlias = "str | int"
Place: TypeAlias = "tuple[Place, Step] | None"

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STEP = re.compile(r'\.?([A-Za-z_@][A-Za-z0-9_]*)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]')


def steps_of(place: Place) -> list[Step]:
    """The steps from the outside in."""
    steps: list[Step] = []
    while place is not None:
        place, step = place
        steps.append(step)
    steps.reverse()
    return steps


def render(steps: list[Step]) -> str:
    """Steps as users see them."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            escaped = step.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
    return text


def parse(path: str) -> list[Step]:
    """The steps of a rendered path; what follows the first mistake is left out."""
    steps: list[Step] = []
    position = 0
    while match := _STEP.match(path, position):
        name, index, key = match.groups()
        steps.append(int(index) if index else name or re.sub(r"\\(.)", r"\1", key or ""))
        position = match.end()
    return steps
