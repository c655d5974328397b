"""Real receivers of telemetry: access log entries, metrics, and logs and metrics of OTLP.

with TelemetryService(TelemetryScript()) as service:
    service.wait_for(2)
"""

from __future__ import annotations

import base64
import functools
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from lateen.closing import Closing
from lateen.protos import envoy_types
from lateen.protos.metrics_pb2 import StreamMetricsMessage

_ACCESS_LOGS = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs"
_METRICS = "/envoy.service.metrics.v3.MetricsService/StreamMetrics"
_OTLP_LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
_OTLP_METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
# What gRPC's own library sends, in whatever way the proxy asks.
_OF_THE_LIBRARY = ("user-agent", "grpc-accept-encoding")


@dataclass(frozen=True)
class TelemetryScript:
    """What a receiver does.

    Attributes:
        expect: how many items are to come before a test looks at what came.
        status: of gRPC, in place of an answer; of HTTP where it is a number.
        messages_per_stream: a stream is ended after so many; 0: none is.
        http: OTLP comes over HTTP.
        ignore: fields of items that are not looked at.
    """

    expect: int = 1
    status: str | int = ""
    messages_per_stream: int = 0
    http: bool = False
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True)
class Came:
    """A message: on which stream or in which call, from 1, and its metadata or headers."""

    stream: int
    metadata: tuple[tuple[str, str], ...]
    message: Message


class TelemetryService(Closing):
    """Receives on a loopback port until closed.

    Attributes:
        came: the messages so far.
        streams: how many streams and calls were begun.
    """

    path = ""
    requests: Sequence[object] = ()

    def __init__(self, script: TelemetryScript, port: int = 0) -> None:
        self.script = script
        self.came: list[Came] = []
        self.streams = 0
        self.peer_ports: list[int] = []
        self._lock = threading.Lock()
        self._close = self._serve_http(port) if script.http else self._serve_grpc(port)

    def _serve_grpc(self, port: int) -> object:
        server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((_Handler(self),))
        self.port = server.add_insecure_port(f"127.0.0.1:{port}")
        server.start()
        return lambda: server.stop(None).wait()

    def _serve_http(self, port: int) -> object:
        handler = functools.partial(_Post, self)
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        server.daemon_threads = True
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()

        def close() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return close

    def begun(self) -> int:
        """One more stream or call; its number."""
        with self._lock:
            self.streams += 1
            return self.streams

    @property
    def items(self) -> list[Message]:
        """Every entry, record and metric so far."""
        return [item for each in self.came for item in items_of(each.message)]

    def wait_for(self, count: int, limit: float = 15.0) -> list[Message]:
        """The items, once there are `count`, or what there is after `limit` seconds."""
        deadline = time.monotonic() + limit
        while len(self.items) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.items

    def lines(self) -> list[str]:
        """What came, as text without what varies: heads first, then items in order."""
        self.wait_for(self.script.expect, 8.0)
        heads = {text for each in self.came for text in _head(each)}
        return [*sorted(heads), *(describe(item, self.script.ignore) for item in self.items)]

    def close(self) -> None:
        """Stop receiving."""
        self._close()  # type: ignore[operator]


def items_of(message: Message) -> Iterator[Message]:
    """The entries, records or metrics of a message."""
    kind = message.DESCRIPTOR.name
    if kind == "StreamAccessLogsMessage":
        yield from message.http_logs.log_entry
        yield from message.tcp_logs.log_entry
    elif kind == "StreamMetricsMessage":
        yield from message.envoy_metrics
    elif kind == "ExportLogsServiceRequest":
        for logs in message.resource_logs:
            yield from (record for scope in logs.scope_logs for record in scope.log_records)
    else:
        for metrics in message.resource_metrics:
            yield from (metric for scope in metrics.scope_metrics for metric in scope.metrics)


def describe(item: Message, ignore: Sequence[str] = ()) -> str:
    """An item as text, with the mark `...` in place of times."""
    fields = json_format.MessageToDict(item, descriptor_pool=item.DESCRIPTOR.file.pool)
    return json_text(fields, ignore)


def json_text(fields: object, ignore: Sequence[str] = ()) -> str:
    """Nested fields as one line, in order of their names."""
    if isinstance(fields, dict):
        names = (name for name in sorted(fields) if name not in ignore)
        parts = (f"{name}={_value(name, fields[name], ignore)}" for name in names)
        return "{" + " ".join(parts) + "}"
    if isinstance(fields, list):
        return "[" + " ".join(json_text(each, ignore) for each in fields) + "]"
    return repr(fields)


def _value(name: str, value: object, ignore: Sequence[str]) -> str:
    if name in ("traceId", "spanId"):
        return base64.b64decode(str(value)).hex()
    varies = "time" in name.lower() or name in ("duration", "tlsSessionId")
    return "..." if varies else json_text(value, ignore)


def _head(came: Came) -> Iterator[str]:
    """What a message says of who sends it."""
    message = came.message
    yield from (f"{key}: {value}" for key, value in came.metadata)
    if message.DESCRIPTOR.name in ("StreamAccessLogsMessage", "StreamMetricsMessage"):
        if message.HasField("identifier"):
            node, name = message.identifier.node, getattr(message.identifier, "log_name", "")
            yield f"identifier: {node.id} {node.cluster} {name}"
    else:
        resources = [
            *getattr(message, "resource_logs", ()),
            *getattr(message, "resource_metrics", ()),
        ]
        yield from (f"resource: {describe(each.resource)}" for each in resources)


class _Handler(grpc.GenericRpcHandler):
    """Every service there is."""

    def __init__(self, service: TelemetryService) -> None:
        self._service = service

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """The handler of a method."""
        streams = {
            _ACCESS_LOGS: envoy_types().message_class(
                "envoy.service.accesslog.v3.StreamAccessLogsMessage"
            ),
            _METRICS: StreamMetricsMessage,
        }
        unary = {_OTLP_LOGS: ExportLogsServiceRequest, _OTLP_METRICS: ExportMetricsServiceRequest}
        if details.method in streams:
            read = streams[details.method].FromString
            return grpc.stream_unary_rpc_method_handler(self._stream, read, None)
        if details.method in unary:
            return grpc.unary_unary_rpc_method_handler(
                self._unary, unary[details.method].FromString, None
            )
        return None

    def _stream(self, requests: Iterator[Message], context: grpc.ServicerContext) -> bytes:
        number, metadata = self._service.begun(), _metadata(context)
        script = self._service.script
        try:
            for count, request in enumerate(requests, 1):
                self._service.came.append(Came(number, metadata, request))
                if count == script.messages_per_stream:
                    break
        except grpc.RpcError:
            return b""  # the proxy is gone
        if script.status:
            context.abort(getattr(grpc.StatusCode, str(script.status)), "no")
        return b""

    def _unary(self, request: Message, context: grpc.ServicerContext) -> bytes:
        self._service.came.append(Came(self._service.begun(), _metadata(context), request))
        if self._service.script.status:
            context.abort(getattr(grpc.StatusCode, str(self._service.script.status)), "no")
        return b""


def _metadata(context: grpc.ServicerContext) -> tuple[tuple[str, str], ...]:
    found = ((item.key, str(item.value)) for item in context.invocation_metadata())
    return tuple((key, value) for key, value in found if key not in _OF_THE_LIBRARY)


def _known(name: str, value: str) -> str:
    """The value of a header; of who sends it the name, without a version."""
    return value.partition("/")[0] if name.lower() == "user-agent" else value


class _Post(BaseHTTPRequestHandler):
    """OTLP over HTTP."""

    protocol_version = "HTTP/1.1"

    def __init__(self, service: TelemetryService, *arguments: object) -> None:
        self._service = service
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_POST(self) -> None:
        """Takes a request."""
        length = self.headers["content-length"]
        body = self.rfile.read(int(length)) if length else b"".join(self._chunks())
        kind = ExportLogsServiceRequest if "logs" in self.path else ExportMetricsServiceRequest
        headers = [(name.lower(), _known(name, value)) for name, value in self.headers.items()]
        shown = tuple(each for each in headers if each[0] not in ("x-request-id", "content-length"))
        head = ((":path", self.path), *shown)
        self._service.came.append(Came(self._service.begun(), head, kind.FromString(body)))
        self.send_response(int(self._service.script.status or 200))
        self.send_header("content-length", "0")
        self.end_headers()

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""
