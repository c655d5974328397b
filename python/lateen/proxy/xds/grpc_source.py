"""One gRPC stream and all that is subscribed to on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from lateen.proxy.xds.source import SourceError, api_kind, unknown_cluster
from lateen.proxy.xds.stats import CONTROL_PLANE
from lateen.proxy.xds.stream import GrpcStream, StreamSettings
from lateen.proxy.xds.target import Target, TargetError, metadata_of
from lateen.proxy.xds.tracked import Handle, Tracked
from lateen.xds.delta import DeltaState
from lateen.xds.mux import Mux
from lateen.xds.rate_limit import DEFAULT_FILL_RATE, DEFAULT_MAX_TOKENS, TokenBucket
from lateen.xds.resource_types import ads_path, resource_type
from lateen.xds.sotw import SotwState

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ApiConfigSource
    from envoy.config.core.v3.grpc_service_pb2 import GrpcService

    from lateen.proxy.xds.subscriptions import Surroundings

_COMPONENT = "config"


class GrpcSource:
    """A stream that is opened with the first subscription.

    Args:
        api: how the stream is to be.
        type_url: of a stream for one type; "": the stream is aggregated.
        stats_prefix: in front of `control_plane.*`; "": nothing.
        around: what the process has.
        done: called when nobody wants anything of a stream for one type any more.

    Raises:
        SourceError: there can be no such stream.
    """

    def __init__(
        self,
        api: ApiConfigSource,
        type_url: str,
        stats_prefix: str,
        around: Surroundings,
        done: Callable[[], object],
    ) -> None:
        loop = asyncio.get_running_loop()
        self._done = done if type_url else None
        self._pauses = around.pauses
        delta = api_kind(api).delta
        settings = StreamSettings(
            _method(type_url, delta),
            delta,
            around.bootstrap.node,
            api.set_node_on_first_message_only,
        )
        targets = [target_of(each, around) for each in api.grpc_services]
        prefix = f"{stats_prefix}.control_plane" if stats_prefix else "control_plane"
        self._stream = GrpcStream(
            settings,
            targets,
            around.stats.open(prefix, CONTROL_PLANE),
            _bucket(api, loop),
            around.random,
            around.log,
        )
        self._mux = Mux(
            DeltaState if delta else SotwState,
            around.pauses,
            self._stream.wake,
            lambda text: around.log.warning(_COMPONENT, text),
            loop.time,
        )
        around.pauses.listen(self._stream.wake)
        self._stream.start(self._mux)

    def subscribe(
        self, tracked: Tracked, type_url: str, names: Collection[str] | None, timeout_s: float
    ) -> Handle:
        """Starts a subscription on the stream."""
        tracked.attempted()
        tracked.begin(timeout_s)
        watch = self._mux.watch(type_url, names, tracked.deliver, tracked.fail, tracked.check)

        def close() -> None:
            self._mux.unwatch(watch)
            if self._done is not None and self._mux.idle:
                self._done()
                self.close()

        def change(wanted: Collection[str] | None) -> None:
            tracked.attempted()
            self._mux.change(watch, wanted)

        return Handle(tracked, change, close)

    def close(self) -> None:
        """Ends the stream."""
        self._pauses.forget(self._stream.wake)
        self._stream.close()


def target_of(service: GrpcService, around: Surroundings) -> Target:
    """The server that a GrpcService names.

    Raises:
        SourceError: it cannot be reached as configured.
    """
    metadata = metadata_of(service.initial_metadata)
    kind = service.WhichOneof("target_specifier")
    retry = service.retry_policy
    try:
        if kind == "google_grpc":
            from lateen.proxy.xds.google_grpc import GoogleGrpcChannels

            google = GoogleGrpcChannels(service.google_grpc)
            name = service.google_grpc.target_uri
            channels, metadata = google.open, (*metadata, *google.metadata)
        else:
            from lateen.proxy.xds.envoy_grpc import EnvoyGrpcChannels

            name = service.envoy_grpc.cluster_name
            cluster = around.bootstrap.cluster(name)
            if cluster is None:
                raise unknown_cluster(name)
            if service.envoy_grpc.HasField("retry_policy"):
                retry = service.envoy_grpc.retry_policy
            channels = EnvoyGrpcChannels(
                service.envoy_grpc, cluster, around.random, around.resolve
            ).open
    except TargetError as error:
        raise SourceError(str(error)) from None
    if not retry.HasField("retry_back_off"):
        return Target(name, channels, metadata)
    base_s = retry.retry_back_off.base_interval.ToMilliseconds() / 1000
    max_s = retry.retry_back_off.max_interval.ToMilliseconds() / 1000
    return Target(name, channels, metadata, base_s, max_s or 10 * base_s, None)


def _method(type_url: str, delta: bool) -> str:
    if not type_url:
        return ads_path(delta=delta)
    kind = resource_type(type_url)
    if kind is None or not (kind.sotw or delta):
        raise SourceError(f"there is no service for {type_url}")
    return kind.path(delta=delta)


def _bucket(api: ApiConfigSource, loop: asyncio.AbstractEventLoop) -> TokenBucket | None:
    if not api.HasField("rate_limit_settings"):
        return None
    limits = api.rate_limit_settings
    tokens = limits.max_tokens.value if limits.HasField("max_tokens") else DEFAULT_MAX_TOKENS
    rate = limits.fill_rate.value if limits.HasField("fill_rate") else DEFAULT_FILL_RATE
    return TokenBucket(loop.time, tokens, rate)
