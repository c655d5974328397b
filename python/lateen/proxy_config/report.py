"""Tables or resources, as they were asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable

import yaml

from lateen.proxy_config.table import Table
from lateen.proxy_config.tree import Json

FORMATS = ("short", "json", "yaml")


def written(table: Table, resources: Iterable[Json], form: str) -> str:
    """The table, or what it was made of.

    Args:
        form: one of FORMATS.
    """
    if form == "short":
        return "\n".join(table.lines())
    return serialized(list(resources), form)


def serialized(value: Json, form: str) -> str:
    """A value as JSON or YAML."""
    if form == "yaml":
        return yaml.safe_dump(value, sort_keys=False).rstrip()
    return json.dumps(value, indent=4)
