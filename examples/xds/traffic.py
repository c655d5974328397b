"""Runs two versions of a service, the proxy in front of them, and load; counts who answers."""

from __future__ import annotations

import argparse
import http.client
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ports import Ports, add_flags

HERE = Path(__file__).resolve().parent
BOOTSTRAP = HERE / "bootstrap.yaml"
LATEEN = HERE.parents[1] / ".venv" / "bin" / "lateen"
CLIENTS = 8
#: Counts in a row in which only v2 answered, after which the canary has arrived.
SETTLED = 2


class TrafficError(Exception):
    """The demonstration cannot go on; the message says why."""


class Service(ThreadingHTTPServer):
    """A service that answers with its version."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, version: str, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.version = version


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def do_GET(self) -> None:
        body = self.server.version.encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the load counts."""


@contextmanager
def service(version: str, port: int) -> Iterator[None]:
    """Serves a version on a port.

    Raises:
        TrafficError: the port cannot be used.
    """
    try:
        server = Service(version, port)
    except OSError as error:
        raise TrafficError(f"port {port} of {version} cannot be used: {error.strerror}") from None
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def bootstrap(ports: Ports) -> str:
    """bootstrap.yaml, with other ports if they are not the ones in it."""
    default = Ports()
    text = BOOTSTRAP.read_text()
    for old, new in ((default.control_plane, ports.control_plane), (default.admin, ports.admin)):
        text = text.replace(f"port_value: {old} ", f"port_value: {new} ")
    return text


@contextmanager
def proxy(ports: Ports) -> Iterator[None]:
    """Runs the proxy, ready for requests.

    Raises:
        TrafficError: it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="lateen-example-") as directory:
        path = BOOTSTRAP
        if ports != Ports():
            path = Path(directory) / "bootstrap.yaml"
            path.write_text(bootstrap(ports))
        print(f"$ lateen proxy -c {path}", flush=True)
        process = subprocess.Popen([str(LATEEN), "proxy", "-c", str(path), "-l", "warn"])
        try:
            wait_ready(process, ports.admin)
            yield
        finally:
            process.terminate()
            process.wait()


def wait_ready(process: subprocess.Popen[bytes], port: int) -> None:
    """Waits for /ready, however long the control plane takes to come; raises TrafficError."""
    print("waiting for the control plane", flush=True)
    while True:
        if process.poll() is not None:
            raise TrafficError(f"lateen ended with {process.returncode}; its words are above")
        with suppress(OSError, http.client.HTTPException):
            if ask(port, "/ready")[0] == 200:
                return
        time.sleep(0.05)


def ask(port: int, path: str) -> tuple[int, str]:
    """Status and body of the answer to one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


class Load:
    """Clients that ask without a pause, each on a connection that it keeps."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._end = threading.Event()
        self._clients = [threading.Thread(target=self._run) for _ in range(CLIENTS)]
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self.failures: list[str] = []

    def take(self) -> Counter[str]:
        """The answers by version since the last call."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            return counts

    def __enter__(self) -> Load:
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for client in self._clients:
            client.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        while not self._end.is_set():
            try:
                connection.request("GET", "/")
                answer = connection.getresponse()
                text = answer.read().decode()
                failed = "" if answer.status == 200 else f"{answer.status} {text}"
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                failed = repr(error)
            with self._lock:
                if failed:
                    self.failures.append(failed)
                else:
                    self._counts[text] += 1
        connection.close()


def count(load: Load, interval: float, *, once: bool) -> Counter[str]:
    """Prints a line each interval until Ctrl-C, or until the canary has arrived; the total."""
    total: Counter[str] = Counter()
    settled = 0
    with suppress(KeyboardInterrupt):
        while not (once and settled == SETTLED):
            time.sleep(interval)
            counts = load.take()
            total += counts
            share = 100 * counts["v2"] / (counts.total() or 1)
            print(
                f"v1 {counts['v1']:6}   v2 {counts['v2']:6}   ({share:5.1f} % v2)   "
                f"failed requests: {len(load.failures)}",
                flush=True,
            )
            settled = settled + 1 if counts["v2"] and not counts["v1"] else 0
    return total


def run(ports: Ports, interval: float, *, once: bool) -> int:
    """Runs everything; how many requests failed."""
    with ExitStack() as stack:
        stack.enter_context(service("v1", ports.v1))
        stack.enter_context(service("v2", ports.v2))
        stack.enter_context(proxy(ports))
        with Load(ports.front) as load:
            total = count(load, interval, once=once)
        total += load.take()
    print(f"answered by v1: {total['v1']}, by v2: {total['v2']}")
    print(f"failed requests: {len(load.failures)}")
    for failure, times in Counter(load.failures).most_common(5):
        print(f"  {times} times {failure}")
    return len(load.failures)


def main() -> int:
    """Runs until Ctrl-C; returns the exit code: 1 when requests failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="end when all requests go to v2")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between counts")
    add_flags(parser)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        failed = run(Ports.from_options(options), options.interval, once=options.once)
    except TrafficError as error:
        print(f"traffic: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
