"""A Python process that obeys lines of JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType

from bench.errors import BenchError
from bench.priority import prefer

Answer = dict[str, float]


class Helper:
    """Runs a module of the bench; `first` is the first line that it printed.

    Raises:
        BenchError: it does not start.
    """

    def __init__(self, module: str, *arguments: object) -> None:
        self._name = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        prefer(self._process.pid)
        self.first = self.read()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, command: Mapping[str, float]) -> None:
        """Sends a command; `read` is its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def read(self) -> Answer:
        """Waits for the next line.

        Raises:
            BenchError: the process has ended.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchError(f"{self._name} has ended; its words are above")
        answer: Answer = json.loads(line)
        return answer

    def ask(self, command: Mapping[str, float]) -> Answer:
        """Sends a command and waits for its answer."""
        self.send(command)
        return self.read()

    def __enter__(self) -> Helper:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
