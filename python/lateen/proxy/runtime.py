"""Runtime layers: values by key that overrule the configuration (bootstrap.v3.LayeredRuntime)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lateen.proxy.disk_layer import DiskLayer

# Envoy loads once when it is made and once when RTDS is initialized, which it is without RTDS too.
_FIRST_LOADS = 2


@dataclass
class RuntimeLayer:
    """One layer.

    Attributes:
        name: of the layer.
        values: by key.
        admin: /runtime_modify writes to it.
        disk: where its values are, of a layer on disk.
        present: False: the directory of the layer is not there or could not be read, and the
            layer is left out.
        error: why it could not be read.
    """

    name: str
    values: dict[str, str] = field(default_factory=dict)
    admin: bool = False
    disk: DiskLayer | None = None
    present: bool = True
    error: str = ""

    def load(self) -> None:
        """Reads the values of a layer on disk."""
        if self.disk is None:
            return
        from lateen.proxy.disk_layer import DiskLayerError

        self.error = ""
        try:
            found = self.disk.read()
        except DiskLayerError as error:
            found, self.error = None, str(error)
        self.present = found is not None
        self.values = found or {}


@dataclass
class RuntimeLoads:
    """How loads of the runtime went: `runtime.load_success` and so on.

    Attributes:
        success: loads that could read every layer.
        error: loads that could not, and did without those.
        dir_exists: loads with more than one layer on disk, as Envoy counts them.
    """

    success: int = 0
    error: int = 0
    dir_exists: int = 0

    @property
    def dir_not_exists(self) -> int:
        """Loads with at most one layer on disk."""
        return self.success + self.error - self.dir_exists


class RuntimeLayers:
    """The layers of a proxy, the last overruling those before it."""

    def __init__(
        self,
        layers: Sequence[RuntimeLayer] = (),
        publish: Callable[[Mapping[str, str]], None] = lambda values: None,
    ) -> None:
        self._layers = list(layers)
        self.loads = RuntimeLoads()
        self._publish = publish
        for _ in range(_FIRST_LOADS):
            self._count()

    @property
    def layers(self) -> list[RuntimeLayer]:
        """The layers that count."""
        return [layer for layer in self._layers if layer.present]

    @property
    def errors(self) -> list[str]:
        """Why layers are left out."""
        return [f"{layer.name}: {layer.error}" for layer in self._layers if layer.error]

    @property
    def roots(self) -> list[str]:
        """What is to be watched, once for each layer on disk."""
        return [layer.disk.root for layer in self._layers if layer.disk is not None]

    def merged(self) -> dict[str, str]:
        """The value that counts for each key, without the white space around it."""
        return {key: value.strip() for layer in self.layers for key, value in layer.values.items()}

    def overrides(self) -> int:
        """How many keys the admin layer has."""
        return sum(len(layer.values) for layer in self._layers if layer.admin)

    def replace_layer(self, name: str, values: Mapping[str, str]) -> None:
        """Gives a layer other values."""
        for layer in self._layers:
            if layer.name == name:
                layer.values = dict(values)
        self.load()

    def override(self, values: Mapping[str, str]) -> bool:
        """Sets keys in the admin layer, "" takes one out; False when there is no such layer."""
        admin = next((layer for layer in self._layers if layer.admin), None)
        if admin is None:
            return False
        for key, value in values.items():
            if value:
                admin.values[key] = value
            else:
                admin.values.pop(key, None)
        self.load()
        return True

    def load(self) -> None:
        """Reads layers on disk again, and publishes what counts now."""
        for layer in self._layers:
            layer.load()
        self._count()
        self._publish(self.merged())

    def _count(self) -> None:
        if any(layer.error for layer in self._layers):
            self.loads.error += 1
        else:
            self.loads.success += 1
        if sum(layer.present for layer in self._layers if layer.disk is not None) > 1:
            self.loads.dir_exists += 1
