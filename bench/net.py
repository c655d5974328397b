"""The bench's own small HTTP client, free ports, and waiting until something listens."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import BenchError
from bench.process import Process

ADDRESS = "127.0.0.1"
POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Answer:
    """Status and body of one answer."""

    status: int
    body: bytes


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        port: int = probe.getsockname()[1]
        return port


def get(port: int, path: str, *, timeout: float = 5.0, sent: Sequence[str] = ()) -> Answer:
    """GET a path from the loopback port with the headers `sent` (`Name: value`).

    Connection failures raise OSError.
    """
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=timeout)
    try:
        headers = dict(header.split(": ", 1) for header in sent)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read())
    except http.client.HTTPException as error:
        raise ConnectionError(f"GET {path}: {error!r}") from error
    finally:
        connection.close()


def wait_for(
    process: Process,
    port: int,
    path: str,
    body: bytes,
    *,
    seconds: float,
    sent: Sequence[str] = (),
) -> None:
    """Wait until `path` answers 200 with `body` (any body when it is empty).

    Requests carry the headers `sent`.

    Raises:
        BenchError: the process has exited, or the time is over.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        process.check_alive()
        try:
            answer = get(port, path, sent=sent)
            if answer.status == 200 and body in answer.body:
                return
        except OSError:
            pass
        time.sleep(POLL_SECONDS)
    raise BenchError(f"{process.name} did not answer {path} on port {port} in {seconds:.0f} s")


def wait_accepts(process: Process, port: int, *, seconds: float) -> None:
    """Wait until the port accepts a connection; raises as `wait_for`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        process.check_alive()
        try:
            socket.create_connection((ADDRESS, port), timeout=1).close()
        except OSError:
            time.sleep(POLL_SECONDS)
        else:
            return
    raise BenchError(f"{process.name} did not listen on port {port} in {seconds:.0f} s")
