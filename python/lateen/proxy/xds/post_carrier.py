"""Messages to a service that speaks HTTP: a POST for each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lateen.proxy.xds.endpoints import Endpoints
from lateen.proxy.xds.envoy_grpc import tls_of
from lateen.proxy.xds.http_post import HttpPost, post
from lateen.proxy.xds.target import TargetError

if TYPE_CHECKING:
    from lateen.proxy.compile.stats_sink_plans import OtlpPost
    from lateen.proxy.xds.subscriptions import Surroundings

_OK = 200


class PostCarrier:
    """Posts to the endpoints of a cluster of the bootstrap, in turn."""

    def __init__(self, request: OtlpPost, cluster: str, around: Surroundings) -> None:
        """A carrier; a cluster that there is not, or that has no endpoints, takes no message."""
        self.name = cluster
        self._request = request
        self._problem = f"[cluster = {cluster}] is not configured"
        self._endpoints: Endpoints | None = None
        found = around.bootstrap.cluster(cluster)
        if found is not None:
            try:
                self._tls = tls_of(found)
                self._endpoints = Endpoints(found, around.random, around.resolve)
            except TargetError as error:
                self._problem = str(error)

    async def deliver(self, message: bytes) -> None:
        """Posts a message.

        Raises:
            TargetError: it was not taken.
        """
        if self._endpoints is None:
            raise TargetError(self._problem)
        endpoint = self._endpoints.next()
        question = self._tls.question(endpoint) if self._tls is not None else None
        request = self._request
        sent = HttpPost(
            endpoint,
            question,
            request.authority,
            request.path,
            message,
            request.timeout_s,
            request.headers,
        )
        posted = await asyncio.to_thread(post, sent)
        if self._tls is not None:
            self._tls.check(posted.names)
        if posted.status != _OK:
            raise TargetError(f"status {posted.status}")

    async def finish(self) -> None:
        """What was delivered was answered."""

    async def close(self) -> None:
        """Nothing stays open."""
