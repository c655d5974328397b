"""A control plane in this process whose answers the test writes, stream by stream."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import grpc
import grpc.aio

from lateen.xds.codec import new_message
from lateen.xds.resource_types import ADS_SERVICE, CDS, ads_path


def kind(what, delta):
    return f"{'Delta' if delta else ''}Discovery{what}"


def request(type_url=CDS.type_url, delta=True):
    made = new_message(kind("Request", delta))
    made.type_url = type_url
    made.node.id = "sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local"
    return made.SerializeToString()


def response(type_url, nonce, delta=True):
    made = new_message(kind("Response", delta))
    made.type_url, made.nonce = type_url, nonce
    if not delta:
        made.version_info = f"version {nonce}"
    return made.SerializeToString()


class ControlPlane:
    """Streams of a control plane, each with what it was asked."""

    def __init__(self):
        self.streams = asyncio.Queue()

    @asynccontextmanager
    async def serving(self, address="127.0.0.1:0"):
        server = grpc.aio.server()
        methods = {
            ads_path(delta=delta).rpartition("/")[2]: grpc.stream_stream_rpc_method_handler(
                self._stream
            )
            for delta in (True, False)
        }
        handler = grpc.method_handlers_generic_handler(ADS_SERVICE, methods)
        server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port(address)
        await server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            await server.stop(None)

    async def _stream(self, requests, context):
        answers = asyncio.Queue()
        asked = asyncio.Queue()
        self.streams.put_nowait((asked, answers))

        async def collect():
            async for one in requests:
                asked.put_nowait(one)

        task = asyncio.ensure_future(collect())
        try:
            while (answer := await answers.get()) is not None:
                yield answer
        finally:
            task.cancel()
