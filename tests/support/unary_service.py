"""A real gRPC service with one unary method, whose replies are written as YAML.

with UnaryService(UnaryScript(CHECK, REQUEST, RESPONSE, [Reply("status: {code: 0}")])) as service:
    service.calls
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
import yaml
from google.protobuf import json_format
from google.protobuf.message import Message

from lateen.closing import Closing
from lateen.protos import envoy_types

# What gRPC's own library sends, in whatever way the proxy asks.
_OF_THE_LIBRARY = ("user-agent", "grpc-accept-encoding")


@dataclass(frozen=True)
class Reply:
    """A message, or bytes that are none, or a status; `pause` seconds later."""

    message: str = ""
    raw: bytes | None = None
    status: str = ""
    pause: float = 0.0


@dataclass(frozen=True)
class UnaryScript:
    """Replies in sequence; the last one repeats.

    `method` is its path, `request` and `response` are types of Envoy's API; `varying` are fields
    of requests, as paths with dots, that are not kept.
    """

    method: str
    request: str
    response: str
    replies: Sequence[Reply]
    varying: tuple[str, ...] = ()


class UnaryService(Closing):
    """Serves a script on a loopback port until closed.

    Attributes:
        calls: of each call its path, its metadata and its message, as lines of text.
    """

    path = ""
    requests: Sequence[object] = ()

    def __init__(self, script: UnaryScript) -> None:
        self.script = script
        self.calls: list[list[str]] = []
        self.peer_ports: list[int] = []
        self._types = envoy_types()
        self._server = grpc.server(ThreadPoolExecutor(2))
        self._server.add_generic_rpc_handlers((_Any(self._answer),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def _answer(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        reply = self.script.replies[min(len(self.calls), len(self.script.replies) - 1)]
        sent = [
            f"  {item.key}: {item.value!r}"
            for item in sorted(context.invocation_metadata())
            if item.key not in _OF_THE_LIBRARY
        ]
        limit = "a deadline" if (context.time_remaining() or 1e9) < 1e6 else "no deadline"
        self.calls.append([f"{self.script.method} with {limit}", *sent, *self._lines(message)])
        time.sleep(reply.pause)
        if reply.status:
            context.abort(getattr(grpc.StatusCode, reply.status), "no")
        return reply.raw if reply.raw is not None else self._reply(reply.message)

    def _reply(self, text: str) -> bytes:
        empty = self._message(self.script.response)
        source = yaml.safe_load(text) or {}
        filled = json_format.ParseDict(source, empty, descriptor_pool=self._types.pool)
        return filled.SerializeToString()

    def _lines(self, message: bytes) -> list[str]:
        request = self._message(self.script.request)
        request.ParseFromString(message)
        fields = json_format.MessageToDict(request, descriptor_pool=self._types.pool)
        for path in self.script.varying:
            *parents, last = path.split(".")
            inner = fields
            for name in parents:
                inner = inner.get(name, {})
            inner.pop(last, None)
        return [f"  {line}" for line in json.dumps(fields, sort_keys=True, indent=1).split("\n")]

    def _message(self, name: str) -> Message:
        return self._types.message_class(name)()

    def close(self) -> None:
        """Stop serving."""
        self._server.stop(None).wait()


class _Any(grpc.GenericRpcHandler):
    """Calls `answer` for every method."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """The handler, whatever is called."""
        return grpc.unary_unary_rpc_method_handler(self._answer)
