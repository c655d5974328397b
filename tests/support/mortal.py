"""Upstreams that are processes: killed, stopped and started again, they know what they saw."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from lateen.closing import Closing
from tests.support.ports import PortLease
from tests.support.proxies import ROOT


class Mortal(Closing):
    """Answers every request with its path, after `delay_s` seconds.

    Args:
        log: where it writes what it saw; that outlives it.
    """

    def __init__(self, log: Path, delay_s: float = 0.0) -> None:
        self._lease = PortLease()
        self._log = log
        self._delay_s = delay_s
        self._process: subprocess.Popen[bytes] | None = None
        log.touch()
        self.start()

    @property
    def port(self) -> int:
        """It stays the same, dead or alive."""
        return self._lease.port

    def start(self) -> None:
        """Begin to listen."""
        arguments = [str(self.port), str(self._log), str(self._delay_s)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.mortal_process", *arguments],
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"listening\n"

    def kill(self) -> None:
        """Die at once, with all connections."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def stop(self) -> None:
        """Take what comes, as the kernel does, and say nothing more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Go on after `stop`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def seen(self, method: str) -> Counter[str]:
        """How often it saw each path with this method."""
        lines = self._log.read_text().splitlines()
        return Counter(line.partition(" ")[2] for line in lines if line.startswith(method))

    def close(self) -> None:
        """End, and give the port back."""
        self.kill()
        self._lease.close()
