"""Load with a ledger: every request is followed from the client to the service and back."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from lateen.closing import Closing
from tests.support.proxies import ROOT


@dataclass(frozen=True)
class Report:
    """The books at one moment.

    Attributes:
        sent: requests so far.
        answered: those with a 200 and the answer to this very request.
        failed: everything else that happened, refused connections included.
        failures: the first of them, as text.
        by: answers by service, `one` and `two`.
        twice: requests that a service saw more than once.
        unseen: requests that were answered and that no service saw.
        p50_ms: of the answers since the last report; so are `p99_ms` and `worst_ms`.
    """

    sent: int
    answered: int
    failed: int
    failures: list[str]
    by: dict[str, int]
    twice: int
    unseen: int
    p50_ms: float
    p99_ms: float
    worst_ms: float

    def check(self) -> None:
        """Fails unless every request that was sent was answered, once, by a service."""
        assert self.failed == 0, f"{self.failed} of {self.sent} failed: {self.failures}"
        assert (self.answered, self.twice, self.unseen) == (self.sent, 0, 0), self


class Ledger(Closing):
    """Connections that use a proxy, and the two services behind it, in a process of their own.

    Args:
        port: where the proxy listens.
        connections: each with one request at a time.
        pause_s: of a connection between an answer and the next request.
    """

    def __init__(self, port: int, connections: int = 64, pause_s: float = 0.01) -> None:
        arguments = [str(port), str(connections), str(pause_s)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.ledger_process", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        ports = self._read()
        self.one: int = ports["one"]
        self.two: int = ports["two"]

    def start(self) -> None:
        """Begins with the load."""
        self._ask("start")

    def report(self) -> Report:
        """The books now, with requests on their way."""
        return Report(**self._ask("report"))

    def end(self) -> Report:
        """Ends the load; the books when the last request was answered."""
        return Report(**self._ask("stop"))

    def close(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.communicate()

    def _ask(self, line: str) -> dict:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process of the ledger has ended"
        return json.loads(line)
