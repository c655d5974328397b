"""Starts the proxies under test: the real Envoy and lateen, each on free ports."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lateen.closing import Closing

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT = 30.0


class DidNotStart(Exception):
    """The proxy ended, or never became ready; the message holds the end of its stderr."""


@dataclass(frozen=True)
class AdminAnswer:
    """An answer of the admin listener, with its headers in order."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


def envoy_command() -> list[str] | None:
    """The real Envoy: LATEEN_TEST_ENVOY, or the package in .venv-envoy; None without either."""
    given = os.environ.get("LATEEN_TEST_ENVOY")
    if given:
        return [given]
    found = sorted(ROOT.glob(".venv-envoy/lib/python*/site-packages/envoy/_bin/envoy"))
    return [str(found[-1])] if found else None


def lateen_command() -> list[str] | None:
    """The command under test: LATEEN_TEST_COMMAND, or .venv/bin/lateen; None if not built."""
    given = os.environ.get("LATEEN_TEST_COMMAND")
    if given:
        return [*shlex.split(given), "proxy"]
    built = ROOT / ".venv/bin/lateen"
    return [str(built), "proxy"] if built.exists() else None


class Proxy(Closing):
    """One running proxy process with a temporary directory of its own.

    `config` is a bootstrap as a mapping (an admin listener on a free port is added if it names
    none) or the text of a YAML file. `command` is the program with its fixed arguments.
    """

    def __init__(
        self,
        command: Sequence[str],
        config: Mapping[str, object] | str,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        concurrency: int = 1,
        wait: bool = True,
        hot_restart: bool = False,
    ) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="lateen-test-"))
        self._admin_file = self.directory / "admin"
        self._stderr_file = self.directory / "stderr"
        self._stdout_file = self.directory / "stdout"
        self._admin_address: tuple[str, int] | None = None
        argv = [
            *command,
            "-c", str(self._write_config(config)),
            "--admin-address-path", str(self._admin_file),
            "--concurrency", str(concurrency),
            *([] if hot_restart else ["--disable-hot-restart"]),
            "--file-flush-interval-msec", "50",
            *arguments,
        ]  # fmt: skip
        with self._stderr_file.open("wb") as stderr, self._stdout_file.open("wb") as stdout:
            self.process = subprocess.Popen(
                argv,
                stdout=stdout,
                stderr=stderr,
                stdin=subprocess.DEVNULL,
                cwd=self.directory,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self.close()
                raise

    def _write_config(self, config: Mapping[str, object] | str) -> Path:
        if isinstance(config, str):
            path = self.directory / "envoy.yaml"
            path.write_text(config)
            return path
        admin = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}
        path = self.directory / "envoy.json"
        path.write_text(json.dumps({"admin": admin, **config}, indent=1))
        return path

    @property
    def stderr(self) -> str:
        """Everything that the process wrote to stderr so far."""
        return self._stderr_file.read_text(errors="replace")

    @property
    def stdout(self) -> str:
        """Everything that the process wrote to stdout so far."""
        return self._stdout_file.read_text(errors="replace")

    @property
    def admin_address(self) -> tuple[str, int]:
        """Host and port of the admin listener, from --admin-address-path."""
        if self._admin_address is None:
            host, _, port = self._admin_file.read_text().strip().rpartition(":")
            self._admin_address = (host, int(port))
        return self._admin_address

    def wait_ready(self) -> None:
        """Wait until /ready answers 200; DidNotStart when the process ends or takes too long."""
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise DidNotStart(f"exit {self.process.returncode}: {self.stderr[-3000:]}")
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                if self.admin("/ready").status == 200:
                    return
            time.sleep(0.02)
        raise DidNotStart(f"not ready in {START_LIMIT:.0f} s: {self.stderr[-3000:]}")

    def admin(self, path: str, method: str = "GET", form: str = "") -> AdminAnswer:
        """Ask the admin listener; `form` is sent as the body."""
        headers = {"content-type": "application/x-www-form-urlencoded"} if form else {}
        host, port = self.admin_address
        connection = http.client.HTTPConnection(host, port, timeout=15)
        try:
            connection.request(method, path, form or None, headers)
            response = connection.getresponse()
            body = response.read()
            return AdminAnswer(response.status, tuple(response.getheaders()), body)
        finally:
            connection.close()

    def stats(self, query: str = "") -> dict[str, int]:
        """Counters and gauges by name; `query` is added to /stats?."""
        values = {}
        for line in self.admin(f"/stats?{query}").text.splitlines():
            name, _, value = line.rpartition(": ")
            if name and value.isdigit():
                values[name] = int(value)
        return values

    def wait_stat(self, name: str, value: int, limit: float = 10.0) -> None:
        """Wait until a counter or gauge has a value; AssertionError when it never does."""
        deadline = time.monotonic() + limit
        while (seen := self.stats().get(name, 0)) != value:
            assert time.monotonic() < deadline, f"{name} is {seen}, not {value}"
            time.sleep(0.03)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        self.process.send_signal(number)

    def wait_exit(self, limit: float = 20.0) -> int:
        """Wait for the process to end; its exit code."""
        return self.process.wait(limit)

    def close(self) -> None:
        """End the process and everything that it started, and remove its directory."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.5)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
