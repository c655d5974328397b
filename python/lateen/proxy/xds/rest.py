"""Resources that are polled with a POST of a DiscoveryRequest in JSON.

Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/xds_api (REST endpoints)
and envoy/config/core/v3/config_source.proto, ApiConfigSource
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from typing import TYPE_CHECKING

from lateen.protos import envoy_types
from lateen.proxy.xds.document import DocumentError, hand_over, parse_document
from lateen.proxy.xds.endpoints import Endpoints
from lateen.proxy.xds.envoy_grpc import tls_of
from lateen.proxy.xds.http_post import HttpPost, Posted, post
from lateen.proxy.xds.source import SourceError, unknown_cluster
from lateen.proxy.xds.target import TargetError
from lateen.proxy.xds.tracked import Handle, Tracked
from lateen.xds.codec import build_request
from lateen.xds.messages import SotwRequest
from lateen.xds.resource_types import resource_type
from lateen.xds.subscription import FetchFailure

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ApiConfigSource
    from google.protobuf.duration_pb2 import Duration

    from lateen.proxy.xds.subscriptions import Surroundings

_COMPONENT = "config"
_DEFAULT_TIMEOUT_S = 1.0
_OK = 200
_NOT_MODIFIED = 304


class RestSource:
    """A server that is polled for resources of one type.

    Raises:
        SourceError: it cannot be.
    """

    def __init__(self, api: ApiConfigSource, type_url: str, around: Surroundings) -> None:
        kind = resource_type(type_url)
        if kind is None or not kind.rest:
            raise SourceError(f"there is no REST endpoint for {type_url}")
        if not api.HasField("refresh_delay"):
            raise SourceError("refresh_delay is required for REST API configuration sources")
        self._cluster = api.cluster_names[0]
        cluster = around.bootstrap.cluster(self._cluster)
        if cluster is None:
            raise unknown_cluster(self._cluster)
        try:
            self._endpoints = Endpoints(cluster, around.random, around.resolve)
            self._tls = tls_of(cluster)
        except TargetError as error:
            raise SourceError(str(error)) from None
        self.path = kind.rest
        self._type_url = type_url
        self._around = around
        self._delay_s = _seconds(api.refresh_delay)
        self._timeout_s = (
            _seconds(api.request_timeout) if api.HasField("request_timeout") else _DEFAULT_TIMEOUT_S
        )
        self._version = ""

    def subscribe(self, tracked: Tracked, names: Collection[str] | None) -> Handle:
        """Begins to poll."""
        self._tracked = tracked
        self._names = names
        self._changed = asyncio.Event()
        task = asyncio.get_running_loop().create_task(self._run())

        def close() -> None:
            task.cancel()

        return Handle(tracked, self._set_names, close)

    def _set_names(self, names: Collection[str] | None) -> None:
        self._names = names
        self._changed.set()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            self._tracked.attempted()
            try:
                await self._fetch()
            except TargetError as error:
                self._tracked.fail(FetchFailure.CONNECTION, str(error))
            except Exception as error:  # the next poll may fare better
                reason = f"{type(error).__name__}: {error}"
                self._tracked.fail(FetchFailure.CONNECTION, reason)
            # Another wait each time, so that many proxies do not come at once.
            wait_s = self._delay_s * (1 + self._around.random.random())
            try:
                await asyncio.wait_for(self._changed.wait(), wait_s)
            except TimeoutError:
                continue

    async def _fetch(self) -> None:
        endpoint = self._endpoints.next()
        question = self._tls.question(endpoint) if self._tls is not None else None
        request = HttpPost(
            endpoint, question, self._cluster, self.path, self._body(), self._timeout_s
        )
        posted = await asyncio.to_thread(post, request)
        if self._tls is not None:
            self._tls.check(posted.names)
        self._take(posted)

    def _body(self) -> bytes:
        # Loaded when it is needed: most proxies do not poll.
        from google.protobuf import json_format

        request = SotwRequest(self._type_url, self._version, tuple(self._names or ()))
        message = build_request(request, self._around.bootstrap.node)
        fields = json_format.MessageToDict(
            message, preserving_proto_field_name=True, descriptor_pool=envoy_types().pool
        )
        return json.dumps(fields).encode()

    def _take(self, posted: Posted) -> None:
        if posted.status == _NOT_MODIFIED:
            return
        if posted.status != _OK:
            self._tracked.fail(FetchFailure.CONNECTION, f"status {posted.status}")
            return
        try:
            document = parse_document(self.path, posted.body, "json")
        except DocumentError as error:
            self._tracked.fail(FetchFailure.REJECTED, str(error))
            return
        for each in document.unknown:
            self._around.log.warning(_COMPONENT, f"Unknown field: {self.path}: {each}")
        if hand_over(self._tracked, document.response, self._type_url, self._names):
            self._version = document.response.version


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9
