"""The stream that load is reported on (LRS), opened again whenever it ends.

Source: envoy/service/load_stats/v3/lrs.proto; Envoy docs, "Load reporting service".
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from google.protobuf.message import DecodeError

from lateen.protos import envoy_types
from lateen.proxy.load_report import LoadReport
from lateen.proxy.stats.main_thread import StatNames
from lateen.proxy.xds.grpc_source import target_of
from lateen.proxy.xds.rotation import Attempt, Rotation
from lateen.proxy.xds.source import SourceError, api_kind
from lateen.proxy.xds.target import TargetError

if TYPE_CHECKING:
    import grpc.aio
    from envoy.config.core.v3.config_source_pb2 import ApiConfigSource
    from envoy.service.load_stats.v3.lrs_pb2 import LoadStatsResponse

    from lateen.proxy.load_report import ClusterLoad
    from lateen.proxy.xds.subscriptions import Surroundings

    # Serialized messages both ways.
    Call = grpc.aio.StreamStreamCall[bytes, bytes]

STATS = StatNames(counters=("errors", "requests", "responses", "retries"))
_METHOD = "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats"
_RESPONSE = "envoy.service.load_stats.v3.LoadStatsResponse"
_COMPONENT = "upstream"
# A server that asks for more reports than this, or says nothing of how many, gets these.
_SHORTEST_INTERVAL_S = 0.1


@dataclass
class _Stream(Attempt):
    """What became of a stream; `clean`: the server ended it without an error."""

    clean: bool = False


class LoadReporter:
    """Reports the load of clusters until it is closed.

    As in Envoy, `load_reporter.requests` counts what the server sent, `load_reporter.responses`
    the reports, `load_reporter.errors` streams that ended with an error and
    `load_reporter.retries` those that were opened again.
    """

    def __init__(
        self,
        api: ApiConfigSource,
        around: Surroundings,
        observe: Callable[[], Mapping[str, ClusterLoad]],
    ) -> None:
        """A reporter that asks `observe` for what every cluster has counted, by name.

        Raises:
            SourceError: the server cannot be reached as configured.
        """
        if api_kind(api).rest:
            raise SourceError("load_stats_config must be a gRPC source")
        self._observe = observe
        self._targets = Rotation(
            [target_of(each, around) for each in api.grpc_services], around.random
        )
        self._stats = around.stats.open("load_reporter", STATS)
        self._log = around.log
        self._report = LoadReport(around.bootstrap.node)
        self._wanted: LoadStatsResponse | None = None
        self._task = asyncio.get_running_loop().create_task(self._run())

    def close(self) -> None:
        """Ends the stream for good."""
        self._task.cancel()
        self._stats.close()

    async def _run(self) -> None:
        while True:
            attempt = await self._attempt()
            if not attempt.clean:
                self._stats.add("errors")
            self._stats.add("retries")
            self._log.warning(
                _COMPONENT,
                f"load reporter stream to {self._targets.current.name} closed: {attempt.reason}",
            )
            await asyncio.sleep(self._targets.failed(attempt))

    async def _attempt(self) -> _Stream:
        """One stream from its beginning to its end."""
        attempt = _Stream()
        try:
            channel = await self._targets.current.open()
        except TargetError as error:
            attempt.reason = str(error)
            return attempt
        try:
            call: Call = channel.stream_stream(_METHOD)(metadata=self._targets.current.metadata)
            attempt.reason = await self._talk(call, attempt)
            call.cancel()
        except Exception as error:  # whatever it is, the next attempt may fare better
            attempt.reason = f"{type(error).__name__}: {error}"
        finally:
            await channel.close()
        return attempt

    async def _talk(self, call: Call, attempt: _Stream) -> str:
        """Reports until the stream ends; why it did."""
        await self._send(call)
        attempt.connected = True
        # A read that is cancelled ends the stream: one goes on while reports are sent.
        read = asyncio.ensure_future(call.read())
        try:
            while True:
                done, _ = await asyncio.wait({read}, timeout=self._interval_s())
                if not done:
                    await self._send(call)
                    continue
                data = await read
                if not isinstance(data, bytes):  # grpc.aio.EOF
                    code = (await call.code()).value[0]
                    attempt.clean = code == 0
                    return f"{code}, {await call.details()}"
                if not self._take(data):
                    return "13, the answer is no LoadStatsResponse"
                attempt.answered = True
                self._targets.answered()
                read = asyncio.ensure_future(call.read())
        finally:
            read.cancel()

    def _interval_s(self) -> float | None:
        """Seconds to the next report; None while the server did not ask for any."""
        if self._wanted is None:
            return None
        interval = self._wanted.load_reporting_interval
        return max(_SHORTEST_INTERVAL_S, interval.seconds + interval.nanos / 1e9)

    async def _send(self, call: Call) -> None:
        clusters, now_s = self._observe(), time.monotonic()
        await call.write(self._report.request(clusters, now_s).SerializeToString())
        self._stats.add("responses")
        if self._wanted is not None and self._wanted.send_all_clusters:
            self._report.follow_all(clusters, now_s)

    def _take(self, data: bytes) -> bool:
        try:
            found = envoy_types().message_class(_RESPONSE).FromString(data)
        except DecodeError:
            return False
        self._wanted = cast("LoadStatsResponse", found)
        self._stats.add("requests")
        self._report.track(self._wanted, self._observe(), time.monotonic())
        return True
