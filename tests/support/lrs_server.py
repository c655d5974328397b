"""A load reporting service for tests: it asks for reports and keeps what comes.

with LrsServer() as server:
    server.ask(clusters=["be"], load_reporting_interval={"nanos": 300000000})
    report = server.wait(lambda seen: seen.cluster_stats)
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message

from lateen.closing import Closing
from tests.support.arrivals import Arrivals
from tests.support.xds_messages import message

_PACKAGE = "envoy.service.load_stats.v3"
_METHOD = f"/{_PACKAGE}.LoadReportingService/StreamLoadStats"


class LrsServer(Closing, grpc.GenericRpcHandler):
    """Serves one client at a time on a loopback port.

    Attributes:
        reports: every LoadStatsRequest that came.
        streams: how many streams were opened.
    """

    def __init__(self) -> None:
        self._arrivals: Arrivals[Message] = Arrivals()
        self.reports = self._arrivals.items
        self.streams = 0
        self._asked: bytes | None = None
        self._outbox: queue.Queue[bytes | None] = queue.Queue()
        self._server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((self,))
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    def __enter__(self) -> LrsServer:
        self._server.start()
        return self

    def close(self) -> None:
        """Ends the stream and stops."""
        self._outbox.put(None)
        self._server.stop(0.2).wait(5)

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """The one method there is."""
        if details.method != _METHOD:
            return None
        request = message(f"{_PACKAGE}.LoadStatsRequest")
        return grpc.stream_stream_rpc_method_handler(self._serve, request.FromString, None)

    def ask(self, **fields: object) -> None:
        """Sends a LoadStatsResponse; a stream that comes later gets it too."""
        response = message(f"{_PACKAGE}.LoadStatsResponse")()
        json_format.ParseDict(fields, response)
        self._asked = response.SerializeToString()
        self._outbox.put(self._asked)

    def end_stream(self) -> None:
        """Ends the stream."""
        self._outbox.put(None)

    def wait(self, condition: Callable[[Message], bool], start: int = 0) -> Message:
        """The first report from index `start` on for which `condition` holds."""
        return self._arrivals.wait(condition, start)

    def next(self) -> Message:
        """The next report to come."""
        return self.wait(lambda _: True, len(self.reports))

    def _serve(self, requests: Iterator[Message], _context: object) -> Iterator[bytes]:
        self.streams += 1
        outbox = self._outbox = queue.Queue()
        if self._asked is not None:
            outbox.put(self._asked)
        threading.Thread(target=self._read, args=(requests,), daemon=True).start()
        while (item := outbox.get()) is not None:
            yield item

    def _read(self, requests: Iterator[Message]) -> None:
        try:
            for request in requests:
                self._arrivals.add(request)
        except grpc.RpcError:
            return  # the stream ended
