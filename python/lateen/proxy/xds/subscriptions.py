"""Subscriptions of a proxy: finds out where resources come from, and shares streams."""

from __future__ import annotations

import random
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from lateen.proxy.xds.bootstrap import BootstrapSources
from lateen.proxy.xds.source import (
    SourceError,
    api_kind,
    check_ads,
    check_vhds,
    initial_fetch_timeout_s,
)
from lateen.proxy.xds.stats import SUBSCRIPTION
from lateen.proxy.xds.tracked import FILE, GRPC, REST, Handle, Tracked, Transport
from lateen.xds.mux import Pauses
from lateen.xds.names import XdstpName, XdstpNameError
from lateen.xds.resource_types import VHDS

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ApiConfigSource, ConfigSource

    from lateen.proxy.log.logger import Log
    from lateen.proxy.stats.main_thread import MainThreadStats
    from lateen.proxy.xds.endpoints import Resolve
    from lateen.proxy.xds.files import FileSources
    from lateen.proxy.xds.grpc_source import GrpcSource
    from lateen.xds.subscription import Subscriber


@dataclass
class Surroundings:
    """What sources need of the process.

    Attributes:
        bootstrap: the node, and the clusters that a control plane is reached through.
        stats: of the main thread.
        log: of the process.
        random: where jitter comes from.
        resolve: what `--resolve` says of a host and port; None: nothing.
        pauses: types that are held back.
    """

    bootstrap: BootstrapSources
    stats: MainThreadStats
    log: Log
    random: random.Random = field(default_factory=random.Random)
    resolve: Resolve | None = None
    pauses: Pauses = field(default_factory=Pauses)


class _Wanted(NamedTuple):
    """What a subscriber asked for."""

    type_url: str
    names: Collection[str] | None
    subscriber: Subscriber
    stats_prefix: str


class XdsSubscriptions:
    """The subscriptions of one proxy; made and used in the main thread's event loop."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        # One stream for all that comes from the same source in the same way.
        self._streams: dict[bytes, GrpcSource] = {}
        self._files: FileSources | None = None

    def subscribe(
        self,
        source: ConfigSource,
        type_url: str,
        names: Collection[str] | None,
        subscriber: Subscriber,
        stats_prefix: str,
    ) -> Handle:
        """Starts a subscription, as `Subscriptions.subscribe` of lateen.xds.subscription says.

        Raises:
            SourceError: nothing can come from this source; the message says why.
        """
        try:
            source = self._chosen(source, names)
            spelled = self._spelled(names)
        except XdstpNameError as error:
            raise SourceError(str(error)) from None
        wanted = _Wanted(type_url, spelled, subscriber, stats_prefix)
        kind = source.WhichOneof("config_source_specifier")
        if type_url == VHDS.type_url:
            check_vhds(source)
        if kind in ("path", "path_config_source"):
            return self._from_file(source, wanted)
        timeout_s = initial_fetch_timeout_s(source)
        if kind == "api_config_source":
            api = source.api_config_source
            if api_kind(api).rest:
                return self._from_rest(api, wanted, timeout_s)
            stream = self._stream(api, "" if api_kind(api).aggregated else type_url, stats_prefix)
        elif kind in ("ads", "self"):
            # "The same source" is the aggregated one for whatever came from it.
            stream = self._ads(type_url)
        else:
            raise SourceError(
                "Missing config source specifier in envoy::config::core::v3::ConfigSource"
            )
        return stream.subscribe(self._tracked(wanted, GRPC, type_url), type_url, spelled, timeout_s)

    def paused(self, type_url: str) -> AbstractContextManager[None]:
        """Holds requests and ACKs of a type back, on every stream; may be nested."""
        return self._around.pauses.paused(type_url)

    def close(self) -> None:
        """Ends all streams and watches."""
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
        if self._files is not None:
            self._files.close()

    def _from_file(self, source: ConfigSource, wanted: _Wanted) -> Handle:
        if self._files is None:
            from lateen.proxy.xds.files import FileSources

            self._files = FileSources(self._around.log)
        self._files.check(source)
        tracked = self._tracked(wanted, FILE, wanted.type_url)
        return self._files.subscribe(source, tracked, wanted.type_url, wanted.names)

    def _from_rest(self, api: ApiConfigSource, wanted: _Wanted, timeout_s: float) -> Handle:
        from lateen.proxy.xds.rest import RestSource

        source = RestSource(api, wanted.type_url, self._around)
        tracked = self._tracked(wanted, REST, source.path)
        tracked.begin(timeout_s)
        return source.subscribe(tracked, wanted.names)

    def _tracked(self, wanted: _Wanted, transport: Transport, what: str) -> Tracked:
        around = self._around
        stats = around.stats.open(wanted.stats_prefix, SUBSCRIPTION)
        return Tracked(
            wanted.subscriber, what, transport, stats, around.log, around.bootstrap.spell
        )

    def _ads(self, type_url: str) -> GrpcSource:
        ads = self._around.bootstrap.ads
        if ads is None:
            raise SourceError("ADS must be configured to support an ADS config source")
        check_ads(ads)
        if type_url == VHDS.type_url and not api_kind(ads).delta:
            raise SourceError(
                "vhds: ADS must use DELTA_GRPC api_type when used as VHDS config source."
            )
        return self._stream(ads, "", "")

    def _chosen(self, source: ConfigSource, names: Collection[str] | None) -> ConfigSource:
        """The source itself, or for xdstp names the one of the bootstrap for their authority."""
        name = next((each for each in names or () if XdstpName.is_one(each)), None)
        if name is None or source.WhichOneof("config_source_specifier") is not None:
            return source
        found = self._around.bootstrap.source_of(name)
        if found is None:
            raise SourceError(f"no config source for the authority of {name}")
        return found

    def _spelled(self, names: Collection[str] | None) -> list[str] | None:
        if names is None:
            return None
        return [self._around.bootstrap.spell(name) for name in names]

    def _stream(self, api: ApiConfigSource, type_url: str, stats_prefix: str) -> GrpcSource:
        from lateen.proxy.xds.grpc_source import GrpcSource

        key = api.SerializeToString(deterministic=True) + type_url.encode()
        stream = self._streams.get(key)
        if stream is None:
            stream = GrpcSource(
                api, type_url, stats_prefix, self._around, lambda: self._streams.pop(key, None)
            )
            self._streams[key] = stream
        return stream
