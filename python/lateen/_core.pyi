"""The Rust extension: the workers that carry the traffic.

Messages cross as serialised protobuf of proto/worker.proto (package lateen.worker.v1).
No method raises on bad configuration: a resource that cannot be taken comes back as a rejection.
"""

from collections.abc import Callable, Iterator
from typing import Self, TypeVar, final, overload

_Default = TypeVar("_Default")

__all__ = [
    "BodyChunk",
    "FilterTimeout",
    "HeaderMap",
    "RequestHead",
    "ResponseHead",
    "Workers",
    "WorkersError",
    "certificate_facts",
    "version",
]

class WorkersError(Exception):
    """The workers cannot go on (a thread did not start, a message did not parse)."""

class FilterTimeout(BaseException):
    """A call of a Python filter took too long."""

@final
class HeaderMap:
    """What lateen.filters.Headers says."""

    def __getitem__(self, name: str, /) -> str: ...
    @overload
    def get(self, name: str, default: None = None) -> str | None: ...
    @overload
    def get(self, name: str, default: _Default) -> str | _Default: ...
    def get_all(self, name: str) -> list[str]: ...
    def __setitem__(self, name: str, value: str, /) -> None: ...
    def add(self, name: str, value: str) -> None: ...
    def __delitem__(self, name: str, /) -> None: ...
    def __contains__(self, name: str, /) -> bool: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]: ...
    def items(self) -> list[tuple[str, str]]: ...

@final
class RequestHead:
    """What lateen.filters.Request says."""

    body: bytes
    @property
    def headers(self) -> HeaderMap: ...
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def authority(self) -> str: ...
    @property
    def scheme(self) -> str: ...
    def clear_route(self) -> None: ...
    def set_metadata(self, namespace: str, key: str, value: object) -> None: ...

@final
class ResponseHead:
    """What lateen.filters.ResponseHead says."""

    body: bytes
    @property
    def headers(self) -> HeaderMap: ...
    @property
    def status(self) -> int: ...

@final
class BodyChunk:
    """What lateen.filters.Chunk says."""

    data: bytes
    @property
    def end(self) -> bool: ...

@final
class Workers:
    """The worker threads and the endpoint thread (DNS) of one proxy."""

    def __new__(
        cls,
        concurrency: int,
        *,
        resolve: list[tuple[str, int, str, int]] = ...,
        file_flush_interval_ms: int = ...,
        drain_time_ms: int = ...,
        gradual_drain: bool = ...,
        pin: bool = ...,
    ) -> Self:
        """Starts `concurrency` worker threads.

        `resolve` replaces DNS for (host, port, address, port); `drain_time_ms` is what connections
        have to end when their listener or filter chain goes; with `gradual_drain` more and more
        HTTP responses end them over that time, else the next one does; `pin` binds worker N to
        the N-th core that the process may use.
        """

    def apply(self, update: bytes) -> bytes:
        """Takes an Update, returns Rejections. Listeners are bound, but accept after `start`.

        A listener of a known name is an update: sockets of addresses that stay are kept, and
        connections whose filter chain is the same, if nothing but chains changed. What went, or
        is in `removed_listeners`, drains; a listener may take over the sockets of one that the
        same Update removes.
        """

    def check(self, update: bytes) -> bytes:
        """Compiles an Update as `apply` does, binds and changes nothing, returns Rejections."""

    def put_script(
        self,
        number: int,
        phases: list[str],
        *,
        function: Callable[[RequestHead], object] | None = ...,
        factory: Callable[[], object] | None = ...,
        limit_ms: int = ...,
    ) -> None:
        """Lets Python filters with this number call `function` with each request, or methods of an
        object that `factory` makes for each request. It takes the place of an older one.

        `phases` are the methods that it has (`on_request`, `on_request_body`, `on_response`,
        `on_response_body`), and `request_body` or `response_body` where the whole body comes with
        the head. A call that takes longer than `limit_ms` is ended by FilterTimeout; 0: none is.
        """

    def start(self) -> None:
        """Lets the listeners accept."""

    def drain(self, over_ms: int = ...) -> None:
        """HTTP connections close after their request, idle ones after the manager's drain timeout.

        With `over_ms`, the more likely the more of that time has passed; idle ones that long later.
        """

    def listening_sockets(self) -> list[int]:
        """New descriptors of every listening socket, each socket once; they are the caller's.

        Raises WorkersError when a worker does not answer or there are no descriptors left.
        """

    def adopt_sockets(self, descriptors: list[int]) -> None:
        """Lets listeners of these sockets' addresses use them (duplicates) instead of binding.

        Every socket gets a worker, also when there are more sockets than workers; a worker without
        one joins their port. Raises WorkersError for what is no listening socket.
        """

    def release_sockets(self) -> None:
        """Closes the adopted sockets that no listener has."""

    def fail_health_check(self, failed: bool) -> None:
        """While failed, responses carry `connection: close`; listeners go on. Can be taken back."""

    def stop_listeners(self, inbound_only: bool = ...) -> None:
        """Closes listening sockets; connections in flight go on."""

    def active_connections(self) -> int:
        """Downstream connections open now, over all workers."""

    def shutdown(self) -> None:
        """Closes every connection, flushes access logs and ends the threads. Idempotent."""

    def block_arrays(self) -> list[tuple[int, int, bytes]]:
        """(worker, stats block, little-endian u64 array) of every block in use.

        Gauges are two's complement. The endpoint thread counts as worker number `concurrency`.
        """

    def histograms(self) -> list[tuple[int, int, int, bytes]]:
        """(worker, stats block, histogram index, pairs of u64: bin, count) since the start.

        A bin is exponent * 100 + two significant digits (10..99): 25 ms is 125, 0 is bin 0.
        """

    def response_codes(self) -> list[tuple[int, int, int, int]]:
        """(stats block, origin, status, count).

        Origin 0 is external, 1 internal, 2 canary, 3 retry, 4 not among all.
        """

    def named_counters(self) -> list[tuple[int, str, int]]:
        """(stats block, name after its prefix, count) of counters that are in no array."""

    def named_histograms(self) -> list[tuple[int, int, str, bytes]]:
        """(worker, stats block, name after its prefix, pairs of u64: bin, count)."""

    def reset_counters(self) -> None:
        """Sets counters and response codes to 0; gauges and histograms stay."""

    def clusters(self) -> bytes:
        """ClusterStatuses of every cluster."""

    def warming(self, cluster: str) -> bool:
        """Whether a cluster waits for its first answer of DNS, or the first checks of its hosts."""

    def listeners(self) -> bytes:
        """ListenerStatuses of every listener."""

    def reopen_logs(self) -> None:
        """Opens every access-log file anew (after a rotation)."""

    def set_log_level(self, component: str, level: int) -> None:
        """Sets 0 trace, 1 debug, 2 info, 3 warning, 4 error, 5 critical, 6 off; "" means all."""

    def next_log(self, timeout_s: float) -> tuple[int, str, str] | None:
        """Waits, without the GIL, for the next (level, component, message) of a worker.

        None after the timeout.
        """

    def next_ask(self, timeout_s: float) -> tuple[int, bytes, bytes] | None:
        """Waits, without the GIL, for the next (kind, source, name) of OnDemand that requests
        wait for; an Update with it in `answered` lets them go on.

        None after the timeout.
        """

    def wake_asks(self) -> None:
        """Ends the wait in `next_ask`, the present one or the next."""

    def wake_log(self) -> None:
        """Ends the wait in `next_log`, the present one or the next."""

def version() -> str:
    """The version of the extension."""

def certificate_facts(der: bytes) -> tuple[str, int, int, list[tuple[str, str]]] | None:
    """Of a certificate: serial number in hexadecimal, start and end of its validity in seconds
    since 1970, and its alternative names as (`dns`, `uri` or `ip_address`, value).

    None for what is no certificate.
    """
