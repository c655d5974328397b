"""A small control plane: it serves ADS, and moves a canary from 0 to 100 % once a proxy is there.

It speaks the state-of-the-world variant of xDS:
https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

import grpc
import grpc.aio
from google.protobuf.message import Message
from ports import Ports, add_flags
from resources import (
    CLUSTERS,
    ENDPOINTS,
    LISTENERS,
    PREFIX,
    ROUTES,
    cluster,
    endpoints,
    listener,
    routes,
)

from lateen.protos import envoy_types

SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
Request = envoy_types().message_class("envoy.service.discovery.v3.DiscoveryRequest")
Response = envoy_types().message_class("envoy.service.discovery.v3.DiscoveryResponse")
STEPS = (0, 5, 25, 50, 75, 100)


@dataclass
class Wanted:
    """What one proxy wants of one type, and what it was sent."""

    names: frozenset[str] = frozenset()
    sent: tuple[int, frozenset[str]] | None = None
    nonce: str = ""


@dataclass
class Stream:
    """One proxy."""

    wanted: dict[str, Wanted] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    responses: int = 0


class ControlPlane:
    """The resources by type and name, and the proxies that follow them."""

    def __init__(self) -> None:
        self._resources: dict[str, dict[str, Message]] = {}
        self._versions: dict[str, int] = {}
        self._streams: list[Stream] = []
        self._taken: dict[str, int] = {}
        self._news = asyncio.Condition()

    def put(self, type_url: str, *resources: Message) -> int:
        """Adds or replaces resources; the type's version from now on."""
        table = self._resources.setdefault(type_url, {})
        for each in resources:
            table[name_of(each)] = each
        self._versions[type_url] = self._versions.get(type_url, 0) + 1
        for stream in self._streams:
            stream.wake.set()
        return self._versions[type_url]

    async def taken(self, type_url: str, version: int) -> None:
        """Waits until a proxy has said that it uses a version."""
        async with self._news:
            await self._news.wait_for(lambda: self._taken.get(type_url, 0) >= version)

    async def serve(
        self, requests: AsyncIterator[Message], _context: object
    ) -> AsyncIterator[Message]:
        """One stream of a proxy: whatever it wants and does not have is sent, in order."""
        stream = Stream()
        self._streams.append(stream)
        say("a proxy is here")
        reader = asyncio.create_task(self._read(stream, requests))
        try:
            while not reader.done():
                await stream.wake.wait()
                stream.wake.clear()
                for type_url in (CLUSTERS, ENDPOINTS, LISTENERS, ROUTES):
                    if response := self._due(stream, type_url):
                        yield response
        finally:
            reader.cancel()
            self._streams.remove(stream)
            say("a proxy has gone")

    async def _read(self, stream: Stream, requests: AsyncIterator[Message]) -> None:
        async for request in requests:
            wanted = stream.wanted.setdefault(request.type_url, Wanted())
            if request.response_nonce == wanted.nonce:  # else it answers an older response
                wanted.names = frozenset(request.resource_names)
                if request.HasField("error_detail"):
                    say(f"refused: {request.error_detail.message}")
                elif wanted.nonce:  # else it only says what it has from another control plane
                    await self._take(request.type_url, int(request.version_info))
            stream.wake.set()
        stream.wake.set()

    async def _take(self, type_url: str, version: int) -> None:
        async with self._news:
            self._taken[type_url] = version
            self._news.notify_all()

    def _due(self, stream: Stream, type_url: str) -> Message | None:
        """The response that a proxy waits for; None if it has everything."""
        wanted = stream.wanted.get(type_url)
        now = self._versions.get(type_url, 0)
        if wanted is None or wanted.sent == (now, wanted.names):
            return None
        stream.responses += 1
        wanted.sent = (now, wanted.names)
        wanted.nonce = str(stream.responses)
        response = Response(type_url=type_url, version_info=str(now), nonce=wanted.nonce)
        for name, each in self._resources.get(type_url, {}).items():
            # Clusters and listeners are not asked for by name: a proxy wants them all.
            if not wanted.names or name in wanted.names:
                packed = response.resources.add()
                packed.type_url, packed.value = type_url, each.SerializeToString()
        return response


def name_of(resource: Message) -> str:
    """The name by which a proxy asks for a resource."""
    return resource.cluster_name if type_url_of(resource) == ENDPOINTS else resource.name


def type_url_of(resource: Message) -> str:
    """The type URL of a message."""
    return PREFIX + resource.DESCRIPTOR.full_name


def say(text: str) -> None:
    """Prints a line at once."""
    print(f"control plane: {text}", flush=True)


async def move_canary(plane: ControlPlane, seconds: float) -> None:
    """Goes through the steps, each once a proxy uses the one before."""
    for canary in STEPS:
        version = plane.put(ROUTES, routes(canary))
        await plane.taken(ROUTES, version)
        say(f"canary at {canary} % (routes, version {version}, taken by the proxy)")
        await asyncio.sleep(seconds)
    say("done; end it with Ctrl-C")


async def run(ports: Ports, seconds: float) -> None:
    """Serves until it is cancelled.

    Raises:
        RuntimeError: the port cannot be used.
    """
    plane = ControlPlane()
    plane.put(CLUSTERS, cluster("v1"), cluster("v2"))
    plane.put(ENDPOINTS, endpoints("v1", ports.v1), endpoints("v2", ports.v2))
    plane.put(LISTENERS, listener(ports.front))
    handler = grpc.stream_stream_rpc_method_handler(
        plane.serve, Request.FromString, Response.SerializeToString
    )
    methods = {"StreamAggregatedResources": handler}
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    server.add_insecure_port(f"127.0.0.1:{ports.control_plane}")
    await server.start()
    say(f"on 127.0.0.1:{ports.control_plane}; waiting for a proxy")
    try:
        await move_canary(plane, seconds)
        await server.wait_for_termination()
    finally:
        await server.stop(0)


def main() -> int:
    """Runs the control plane until Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step-seconds", type=float, default=4.0, help="default: %(default)s")
    add_flags(parser)
    options = parser.parse_args()
    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(run(Ports.from_options(options), options.step_seconds))
        except RuntimeError as error:
            print(f"control plane: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
