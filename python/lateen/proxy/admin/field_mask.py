"""Field masks on JSON objects (google.protobuf.FieldMask; not through lists, as the proto says)."""

from __future__ import annotations

from collections.abc import Sequence

from lateen.proxy.admin.json_text import JsonValue


def apply(fields: dict[str, JsonValue], paths: Sequence[str]) -> dict[str, JsonValue]:
    """What the paths name, in the order of `fields`; the `@type` of objects that stay, stays."""
    here: dict[str, list[str]] = {}
    for path in paths:
        name, _, rest = path.partition(".")
        here.setdefault(name, []).append(rest)
    kept: dict[str, JsonValue] = {}
    for name, value in fields.items():
        if name == "@type":
            kept[name] = value
        elif name in here:
            rests = here[name]
            if "" in rests or not isinstance(value, dict):
                kept[name] = value
            else:
                kept[name] = apply(value, rests)
    return kept
