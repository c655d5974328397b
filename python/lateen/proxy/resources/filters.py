"""HTTP filters whose configuration arrives by ECDS; a request begins with the present one.

Source: Envoy docs, "Extension configuration discovery service (ECDS)".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from google.protobuf.message import Message

from lateen.protos import worker_pb2
from lateen.proxy.compile.http_filter_chain import compile_discovered_filter
from lateen.proxy.resources.environment import timestamp
from lateen.proxy.resources.reading import (
    TYPE_PREFIX,
    ResourceError,
    UndecodableError,
    reason_of_rejections,
)
from lateen.proxy.resources.shared import SharedSubscription, SharedSubscriptions
from lateen.proxy.stats.main_thread import StatNames
from lateen.xds.subscription import BadResource, Outcome

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ExtensionConfigSource
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig

    from lateen.proxy.compile.network_filters.owner import FilterSource
    from lateen.proxy.resources.environment import Environment
    from lateen.xds.subscription import Update

EXTENSION = "envoy.config.core.v3.TypedExtensionConfig"
EXTENSION_URL = TYPE_PREFIX + EXTENSION
_SOURCE = "envoy.config.core.v3.ExtensionConfigSource"
_STATS = StatNames(counters=("config_conflict", "config_fail", "config_reload"))


class FilterManager(SharedSubscriptions["FilterSource", "FilterSubscription"]):
    """Every HTTP filter that is subscribed to."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(lambda source: FilterSubscription(environment, source))


class FilterSubscription(SharedSubscription):
    """One filter; a Subscriber.

    Attributes:
        version: of what came; "" for a default.
        body: the serialized TypedExtensionConfig that came; empty before.
    """

    def __init__(self, environment: Environment, source: FilterSource) -> None:
        super().__init__(
            environment, source, f"extension_config_discovery.http_filter.{source.name}", _STATS
        )
        self.body = b""
        self._config = _config_of(environment, source.source)
        self._owner = source.owner
        self._applied = False
        self._blocks: list[int] = []

    def start(self) -> None:
        """Subscribes; a default that need not wait is used at once."""
        if self._config.apply_default_config_without_warming:
            self._settle()
        self._subscribe(self._config.config_source, EXTENSION_URL, (self.name,), self)

    def close(self) -> None:
        """Ends the subscription and removes the filter."""
        super().close()
        self._environment.release(self._blocks)
        self._environment.apply(worker_pb2.Update(removed_discovered_filters=[self._table]))

    def take(self, update: Update) -> Outcome:
        """Takes a configuration; one that is removed makes room for the default."""
        try:
            if self.name in update.removed:
                self.body, self.version = b"", ""
                self._use_default()
            else:
                self._take(update)
        except (UndecodableError, ResourceError) as error:
            self._stats.add("config_fail")
            if update.resources:
                self._refused(update.resources[0], str(error))
            return Outcome((BadResource(self.name, str(error)),), str(error))
        finally:
            self._settle()
        return Outcome()

    def _take(self, update: Update) -> None:
        if len(update.resources) != 1:
            raise ResourceError(
                f"Unexpected number of resources in ExtensionConfigDS response:"
                f" {len(update.resources)}"
            )
        resource = update.resources[0]
        if resource.body is None or resource.body == self.body:
            return
        reader = self._environment.reader
        message = cast("TypedExtensionConfig", reader.parse(resource, EXTENSION))
        if message.name != self.name:
            raise ResourceError(
                f"Unexpected resource name in ExtensionConfigDS response: {message.name}"
            )
        self._use(message)
        self.body, self.version = resource.body, resource.version
        self.updated, self.error = timestamp(), None
        self._stats.add("config_reload")

    def _use(self, message: TypedExtensionConfig) -> None:
        """Hands a configuration to the workers."""
        reader = self._environment.reader
        found = reader.check(message)
        compiled, blocks = reader.compile(
            message,
            found,
            lambda ctx: compile_discovered_filter(
                ctx, message, self._config.type_urls, self._owner, ""
            ),
        )
        item = worker_pb2.DiscoveredFilter(name=self._table, filter=compiled)
        update = worker_pb2.Update(discovered_filters=[item])
        if reason := reason_of_rejections(self._environment.apply(update)):
            self._environment.release(blocks)
            raise ResourceError(reason)
        self._environment.release(self._blocks)
        self._blocks = blocks
        self._applied = True

    def _use_default(self) -> None:
        self._applied = False
        if not self._config.HasField("default_config"):
            self._environment.apply(worker_pb2.Update(removed_discovered_filters=[self._table]))
            return
        types = self._environment.reader.types
        default = cast("TypedExtensionConfig", types.message_class(EXTENSION)())
        default.name = self.name
        default.typed_config.CopyFrom(self._config.default_config)
        self._use(default)

    def _settle(self) -> None:
        if self._waiters is None:
            return
        if not self._applied:
            try:
                self._use_default()
            except (UndecodableError, ResourceError) as error:
                self._environment.log.error("config", f"default of filter {self.name}: {error}")
        super()._settle()


def _config_of(environment: Environment, data: bytes) -> ExtensionConfigSource:
    message: Message = environment.reader.types.message_class(_SOURCE)()
    message.MergeFromString(data)
    return cast("ExtensionConfigSource", message)
