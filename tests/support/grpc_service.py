"""A gRPC service for tests, whose messages are bytes, and a client's view of it.

with GrpcService() as service, service.client(port) as client:
    client.unary(b"x")
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc

from lateen.closing import Closing

NAME = "test.Echo"


class GrpcService(Closing):
    """Serves on a loopback port until closed.

    Attributes:
        cancelled: set once a call of `Wait` was given up by its client, or ran out of time.
        calls: how many calls of each method began.
        unavailable: how many calls of `Flaky` fail before one does not.
    """

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.waiting = threading.Event()
        self.calls: dict[str, int] = {}
        self.unavailable = 0
        self.metadata: dict[str, str | bytes] = {}
        self._pool = ThreadPoolExecutor(8)
        self._server = grpc.server(self._pool)
        unary = {"Unary": self._unary, "Fail": self._fail, "Wait": self._wait, "Flaky": self._flaky}
        handlers = {name: grpc.unary_unary_rpc_method_handler(f) for name, f in unary.items()}
        handlers["Count"] = grpc.stream_unary_rpc_method_handler(self._count)
        handlers["Many"] = grpc.unary_stream_rpc_method_handler(self._many)
        handlers["Each"] = grpc.stream_stream_rpc_method_handler(self._each)
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(NAME, handlers),)
        )
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def _begin(self, method: str, context: grpc.ServicerContext) -> None:
        self.calls[method] = self.calls.get(method, 0) + 1
        self.metadata = {item.key: item.value for item in context.invocation_metadata()}

    def _unary(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        self._begin("Unary", context)
        context.send_initial_metadata((("x-first", "1"),))
        context.set_trailing_metadata((("x-last", "2"),))
        return message[::-1]

    def _fail(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        self._begin("Fail", context)
        context.set_trailing_metadata((("x-why", "because"),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"not {message.decode()} 100% é")

    def _flaky(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        self._begin("Flaky", context)
        if self.calls["Flaky"] <= self.unavailable:
            context.abort(grpc.StatusCode.UNAVAILABLE, "come again")
        return message

    def _wait(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        self._begin("Wait", context)
        context.add_callback(self.cancelled.set)
        self.waiting.set()
        self.cancelled.wait(30)
        return message

    def _count(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        self._begin("Count", context)
        sizes = [len(message) for message in messages]
        return f"{len(sizes)} {sum(sizes)}".encode()

    def _many(self, message: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        self._begin("Many", context)
        for number in range(int(message)):
            yield str(number).encode()

    def _each(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        self._begin("Each", context)
        for message in messages:
            yield message[::-1]

    def close(self) -> None:
        """Ends every call and stops."""
        self.cancelled.set()
        self._server.stop(None).wait(10)
        self._pool.shutdown()


class GrpcClient(Closing):
    """Calls of the service through a port."""

    def __init__(self, port: int) -> None:
        self._channel = grpc.insecure_channel(
            f"127.0.0.1:{port}", options=(("grpc.enable_retries", 0),)
        )
        self.unary = self._channel.unary_unary(f"/{NAME}/Unary")
        self.fail = self._channel.unary_unary(f"/{NAME}/Fail")
        self.flaky = self._channel.unary_unary(f"/{NAME}/Flaky")
        self.wait = self._channel.unary_unary(f"/{NAME}/Wait")
        self.count = self._channel.stream_unary(f"/{NAME}/Count")
        self.many = self._channel.unary_stream(f"/{NAME}/Many")
        self.each = self._channel.stream_stream(f"/{NAME}/Each")

    def close(self) -> None:
        """End the channel and its calls."""
        self._channel.close()
