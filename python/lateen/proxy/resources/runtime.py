"""Runtime layers that arrive by RTDS.

Source: Envoy docs, "Runtime discovery service (RTDS)".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lateen.proxy.compile.runtime import flatten
from lateen.proxy.resources.reading import TYPE_PREFIX, ResourceError, UndecodableError
from lateen.xds.subscription import BadResource, FetchFailure, Outcome

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import RuntimeLayer
    from envoy.service.runtime.v3.rtds_pb2 import Runtime

    from lateen.proxy.resources.environment import Environment
    from lateen.proxy.runtime import RuntimeLayers
    from lateen.xds.subscription import Subscription, Update

RUNTIME = "envoy.service.runtime.v3.Runtime"
RUNTIME_URL = TYPE_PREFIX + RUNTIME


class RuntimeSubscription:
    """One layer; a Subscriber."""

    def __init__(
        self,
        environment: Environment,
        layers: RuntimeLayers,
        layer: RuntimeLayer,
        on_settled: Callable[[], None],
    ) -> None:
        """The subscription of a layer; `on_settled` is called when its first answer came, or the
        wait for that ended.
        """
        self._environment = environment
        self._layers = layers
        self._layer = layer
        self._on_settled = on_settled
        self._subscription: Subscription | None = None

    @property
    def name(self) -> str:
        """Of the resource."""
        return self._layer.rtds_layer.name

    def start(self) -> None:
        """Subscribes."""
        source = self._layer.rtds_layer.rtds_config
        self._subscription = self._environment.subscribe(
            source, RUNTIME_URL, (self.name,), self, "runtime"
        )

    def take(self, update: Update) -> Outcome:
        """Takes the values of the layer; a layer that is removed has none."""
        try:
            self._take(update)
        except (UndecodableError, ResourceError) as error:
            return Outcome((BadResource(self.name, str(error)),), str(error))
        finally:
            self._on_settled()
        return Outcome()

    def fail(self, failure: FetchFailure, reason: str) -> None:
        """Goes on without, if this is the end of the wait for the first answer."""
        if failure is not FetchFailure.CONNECTION:
            self._on_settled()

    def _take(self, update: Update) -> None:
        if self.name in update.removed:
            self._layers.replace_layer(self._layer.name, {})
            return
        if len(update.resources) != 1:
            raise ResourceError(f"Unexpected RTDS resource length: {len(update.resources)}")
        resource = update.resources[0]
        if resource.body is None:
            return
        reader = self._environment.reader
        message: Runtime = reader.parse(resource, RUNTIME)  # type: ignore[assignment]
        found = reader.check(message)
        if message.name != self.name:
            raise ResourceError(f"Unexpected RTDS runtime (expecting {self.name}): {message.name}")
        values, _ = reader.compile(
            message, found, lambda context: flatten(context, message.layer, "layer")
        )
        self._layers.replace_layer(self._layer.name, values)
