"""The control plane of the bench: delta ADS, with every resource serialized once.

`python -m bench.xds.control_plane PORT CLUSTERS HOSTS FRONT UPSTREAM A` serves on the loopback
port and obeys lines of JSON on stdin (see `Plane.obey`), each answered by one on stdout. Times are
`time.monotonic()`, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import grpc
import grpc.aio
from envoy.service.discovery.v3.discovery_pb2 import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    Resource,
)
from google.protobuf.message import Message

from bench.xds import resources
from bench.xds.resources import CDS, EDS, RDS, Shape

SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
#: Every so many pushes of a storm one is for the cluster that has the load.
LOADED_EACH = 4


@dataclass
class Stream:
    """One proxy: what it waits for."""

    outbox: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    asked: set[str] = field(default_factory=set)


class Plane:
    """Resources as bytes, and the streams that get them."""

    def __init__(self, shape: Shape, moving_to: int) -> None:
        self._shape = shape
        self._streams: list[Stream] = []
        self._parts: dict[str, dict[str, bytes]] = {}
        self._versions = 0
        for type_url, made in resources.everything(shape, moving_to).items():
            self._parts[type_url] = {resources.name_of(one): self._part(one) for one in made}
        self._whole = {url: b"".join(parts.values()) for url, parts in self._parts.items()}
        self._tables: dict[int, bytes] = {}
        self._requests: dict[str, int] = {}
        self._refused: list[str] = []

    def _part(self, resource: Message) -> bytes:
        """A response with this resource alone: several of them are put one after another."""
        self._versions += 1
        wrapped = Resource(name=resources.name_of(resource), version=str(self._versions))
        wrapped.resource.Pack(resource)
        return DeltaDiscoveryResponse(resources=[wrapped]).SerializeToString()

    def _response(self, type_url: str, parts: bytes) -> bytes:
        self._versions += 1
        version = str(self._versions)
        rest = DeltaDiscoveryResponse(type_url=type_url, nonce=version, system_version_info=version)
        return parts + rest.SerializeToString()

    async def serve(
        self, requests: AsyncIterator[DeltaDiscoveryRequest], _context: object
    ) -> AsyncIterator[bytes]:
        """One stream."""
        stream = Stream()
        self._streams.append(stream)
        reader = asyncio.create_task(self._read(stream, requests))
        try:
            while True:
                yield await stream.outbox.get()
        finally:
            reader.cancel()
            self._streams.remove(stream)

    async def _read(self, stream: Stream, requests: AsyncIterator[DeltaDiscoveryRequest]) -> None:
        async for request in requests:
            url = request.type_url
            if request.HasField("error_detail"):
                self._refused.append(request.error_detail.message[:300])
            names = request.resource_names_subscribe
            if names:
                known = self._parts[url]
                stream.outbox.put_nowait(
                    self._response(url, b"".join(known[name] for name in names if name in known))
                )
            elif url not in stream.asked:
                stream.outbox.put_nowait(self._response(url, self._whole[url]))
            stream.asked.add(url)

    def _push(self, type_url: str, part: bytes) -> float:
        response = self._response(type_url, part)
        now = time.monotonic()
        for stream in self._streams:
            stream.outbox.put_nowait(response)
        return now

    async def obey(self, command: dict[str, float]) -> dict[str, object]:
        """Does what one line says.

        - `{"move": PORT}`: the moving cluster's endpoint has this port from now on
        - `{"prepare": N}`: makes the table of routes N
        - `{"table": N}`: pushes it
        - `{"storm": SECONDS, "rate": PUSHES A SECOND}`: endpoints and clusters change in turn
        - `{}`: says what was refused
        """
        if "move" in command:
            made = resources.endpoints(resources.MOVING, int(command["move"]), 1)
            return {"at": self._push(EDS, self._part(made))}
        if "prepare" in command:
            table = int(command["prepare"])
            self._tables = {table: self._part(resources.routes(self._shape.hosts, table))}
        elif "table" in command:
            return {"at": self._push(RDS, self._tables[int(command["table"])])}
        elif "storm" in command:
            return {"pushes": await self._storm(command["storm"], command["rate"])}
        return {"refused": self._refused}

    async def _storm(self, seconds: float, rate: float) -> int:
        chooser = random.Random(1)
        began = time.monotonic()
        pushes = int(seconds * rate)
        for number in range(pushes):
            await asyncio.sleep(began + number / rate - time.monotonic())
            loaded = number % LOADED_EACH == 0
            name = resources.service(0 if loaded else chooser.randrange(self._shape.clusters - 1))
            if number % 2:
                made: Message = resources.cluster(name, 1 + number % 60)
                self._push(CDS, self._part(made))
            else:
                count = resources.ENDPOINTS - 1 - number // 2 % 5
                made = resources.endpoints(name, self._shape.upstream, count)
                self._push(EDS, self._part(made))
        return pushes


async def run(port: int, shape: Shape, moving_to: int) -> None:
    """Serves until stdin ends."""
    plane = Plane(shape, moving_to)
    handler: grpc.RpcMethodHandler[DeltaDiscoveryRequest, bytes] = (
        grpc.stream_stream_rpc_method_handler(plane.serve, DeltaDiscoveryRequest.FromString, None)
    )
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
    methods = {"DeltaAggregatedResources": handler}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    print("{}", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await plane.obey(json.loads(line))), flush=True)
    await server.stop(None)


def main(arguments: Sequence[str]) -> None:
    """Runs the control plane."""
    port, clusters, hosts, front, upstream, moving_to = map(int, arguments)
    asyncio.run(run(port, Shape(clusters, hosts, front, upstream), moving_to))


if __name__ == "__main__":
    main(sys.argv[1:])
