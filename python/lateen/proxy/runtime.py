"""Runtime layers: values by key that overrule the configuration (bootstrap.v3.LayeredRuntime)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class RuntimeLayer:
    """One layer; `admin`: /runtime_modify writes to it."""

    name: str
    values: dict[str, str] = field(default_factory=dict)
    admin: bool = False


class RuntimeLayers:
    """The layers of a proxy, the last overruling those before it."""

    def __init__(
        self,
        layers: Sequence[RuntimeLayer] = (),
        publish: Callable[[Mapping[str, str]], None] = lambda values: None,
    ) -> None:
        self.layers = list(layers)
        self.loads = 1
        self._publish = publish

    def merged(self) -> dict[str, str]:
        """The value that counts for each key."""
        return {key: value for layer in self.layers for key, value in layer.values.items()}

    def overrides(self) -> int:
        """How many keys the admin layer has."""
        return sum(len(layer.values) for layer in self.layers if layer.admin)

    def replace_layer(self, name: str, values: Mapping[str, str]) -> None:
        """Gives a layer other values."""
        for layer in self.layers:
            if layer.name == name:
                layer.values = dict(values)
        self.loads += 1
        self._publish(self.merged())

    def override(self, values: Mapping[str, str]) -> bool:
        """Sets keys in the admin layer, "" takes one out; False when there is no such layer."""
        admin = next((layer for layer in self.layers if layer.admin), None)
        if admin is None:
            return False
        for key, value in values.items():
            if value:
                admin.values[key] = value
            else:
                admin.values.pop(key, None)
        self.loads += 1
        self._publish(self.merged())
        return True
