"""Real receivers of spans: OTLP over gRPC and HTTP, and Zipkin's JSON and protobuf over HTTP.

with Collector(CollectorScript("otlp_grpc")) as collector:
    collector.spans
"""

from __future__ import annotations

import functools
import gzip
import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from lateen.closing import Closing


@dataclass(frozen=True)
class CollectorScript:
    """How a collector receives (`otlp_grpc`, `otlp_http` or `zipkin`), and what it answers.

    `status` is of HTTP, or the name of one of gRPC; `pause` seconds go by before it.
    """

    protocol: str
    status: int | str = 0
    pause: float = 0.0


@dataclass(frozen=True)
class Span:
    """One span, whichever protocol it came by; `about` is whatever else it says, as JSON."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    start_ns: int
    attributes: dict[str, object]
    events: tuple[str, ...] = ()
    about: dict[str, object] = field(default_factory=dict)


class Collector(Closing):
    """Receives until closed.

    Attributes:
        spans: what has come, in its order.
        heads: of each report the path and its headers or metadata, as lines of text.
        problems: what was wrong with spans, whoever sends them.
    """

    path = ""
    requests: Sequence[object] = ()

    def __init__(self, script: CollectorScript) -> None:
        self.script = script
        self.spans: list[Span] = []
        self.heads: list[list[str]] = []
        self.problems: list[str] = []
        self.peer_ports: list[int] = []
        if script.protocol == "otlp_grpc":
            self._serve_grpc()
        else:
            self._serve_http()

    def _serve_grpc(self) -> None:
        server = grpc.server(ThreadPoolExecutor(4))
        server.add_generic_rpc_handlers((_Grpc(self._called),))
        self.port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self._end = lambda: server.stop(None).wait()

    def _serve_http(self) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, self._posted))
        server.daemon_threads = True
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()

        def end() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        self._end = end

    def _called(self, path: str, message: bytes, context: grpc.ServicerContext) -> bytes:
        metadata = [f"{item.key}: {item.value!r}" for item in context.invocation_metadata()]
        self._take(path, metadata, _otlp(message))
        if self.script.status:
            context.abort(getattr(grpc.StatusCode, str(self.script.status)), "no")
        return b""

    def _posted(self, path: str, headers: list[str], content_type: str, body: bytes) -> int:
        if self.script.protocol == "zipkin":
            self._take(path, headers, _zipkin(content_type, body))
            return int(self.script.status or 202)
        self._take(path, headers, _otlp(body))
        return int(self.script.status or 200)

    def _take(self, path: str, headers: list[str], spans: list[Span]) -> None:
        self.heads.append([path, *sorted(headers)])
        self.spans += spans
        time.sleep(self.script.pause)

    def wait_for(self, count: int, limit: float = 10.0) -> list[Span]:
        """The spans, once there are `count`, or what there is after `limit` seconds."""
        deadline = time.monotonic() + limit
        while len(self.spans) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.spans

    def close(self) -> None:
        """Stop receiving."""
        self._end()


class _Grpc(grpc.GenericRpcHandler):
    """Calls `answer` for every method."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """The handler, whatever is called."""
        return grpc.unary_unary_rpc_method_handler(functools.partial(self._answer, details.method))


class _Handler(BaseHTTPRequestHandler):
    """Calls `answer` for every POST."""

    protocol_version = "HTTP/1.1"

    def __init__(self, answer: object, *arguments: object) -> None:
        self._answer = answer
        super().__init__(*arguments)

    def do_POST(self) -> None:
        """Takes a report."""
        length = self.headers.get("content-length")
        body = self.rfile.read(int(length)) if length is not None else self._chunks()
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        headers = [f"{name.lower()}: {value!r}" for name, value in self.headers.items()]
        content_type = self.headers.get("content-type", "")
        self.send_response(self._answer(self.path, headers, content_type, body))
        self.send_header("content-length", "0")
        self.end_headers()

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def _otlp(message: bytes) -> list[Span]:
    request = trace_service_pb2.ExportTraceServiceRequest.FromString(message)
    return [
        Span(
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            name=span.name,
            kind=type(span).SpanKind.Name(span.kind),
            start_ns=span.start_time_unix_nano,
            attributes={pair.key: _value(pair.value) for pair in span.attributes},
            events=tuple(event.name for event in span.events),
            about={
                "ended": span.end_time_unix_nano >= span.start_time_unix_nano,
                "flags": span.flags,
                "state": span.trace_state,
                "status": _fields(span.status),
                "resource": sorted(
                    (pair.key, _value(pair.value)) for pair in group.resource.attributes
                ),
                "schema": group.schema_url,
                "scope": _fields(scope.scope),
            },
        )
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]


def _value(value: Message) -> object:
    return getattr(value, value.WhichOneof("value") or "", None)


def _fields(message: Message) -> dict[str, object]:
    return json_format.MessageToDict(message)


def _zipkin(content_type: str, body: bytes) -> list[Span]:
    if content_type == "application/x-protobuf":
        spans = _schema().ListOfSpans.FromString(body).spans
        return [_zipkin_proto(span) for span in spans]
    return [_zipkin_json(span) for span in json.loads(body)]


def _zipkin_json(span: dict[str, object]) -> Span:
    known = {"traceId", "id", "parentId", "name", "kind", "timestamp", "tags", "annotations"}
    about = {key: value for key, value in span.items() if key not in known}
    if "duration" in about:
        about["duration"] = "<us>"
    return Span(
        trace_id=str(span["traceId"]),
        span_id=str(span["id"]),
        parent_id=str(span.get("parentId", "")),
        name=str(span.get("name", "")),
        kind=str(span.get("kind", "")),
        start_ns=int(str(span.get("timestamp", 0))) * 1000,
        attributes=dict(span.get("tags", {})),
        events=tuple(each["value"] for each in span.get("annotations", ())),
        about=about,
    )


def _zipkin_proto(span: Message) -> Span:
    about = _fields(span)
    for key in ("traceId", "id", "parentId", "name", "kind", "timestamp", "tags", "annotations"):
        about.pop(key, None)
    if "duration" in about:
        about["duration"] = "<us>"
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.id.hex(),
        parent_id=span.parent_id.hex(),
        name=span.name,
        kind=type(span).Kind.Name(span.kind),
        start_ns=span.timestamp * 1000,
        attributes=dict(span.tags),
        events=tuple(each.value for each in span.annotations),
        about=about,
    )


@functools.cache
def _schema() -> ModuleType:
    path = Path(__file__).with_name("zipkin.proto")
    protos: ModuleType = grpc.protos(str(path.relative_to(Path.cwd())))
    return protos
