"""A control plane, a proxy that it configures, and load with a ledger."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from pathlib import Path

from tests.interop.xds_setting import bootstrap
from tests.support.ledger import Ledger, Report
from tests.support.ports import PortLease
from tests.support.proxies import Proxy
from tests.support.xds_process import ServerProcess
from tests.support.xds_resources import CDS, EDS, LDS, RDS, assignment, cluster, listener, routes
from tests.support.xds_server import XdsServer

CONVERGE_LIMIT = 45.0
_WORKERS = 2


class Scene:
    """Traffic to cluster `a`, which leads to service `one` until it is told otherwise.

    Attributes:
        server: the control plane.
        load: 64 connections and the services `one` and `two`.
        proxy: with two workers.
        quiet: the books of the load before anything happens.
    """

    def __init__(
        self,
        command: list[str],
        *,
        delta: bool,
        stack: ExitStack,
        server: XdsServer | ServerProcess | None = None,
    ) -> None:
        """`server` is the control plane; None: one in this process."""
        self.delta = delta
        self.server = stack.enter_context(server or XdsServer())
        self.port = stack.enter_context(PortLease()).port
        self.load = stack.enter_context(Ledger(self.port))
        self.fill()
        # Longer than any request waits on a busy machine: what is left after that is cut off.
        flags = ["--drain-time-s", "15"]
        config = bootstrap(self.server.port, delta)
        self.proxy = stack.enter_context(Proxy(command, config, flags, concurrency=_WORKERS))
        self.load.start()
        time.sleep(0.5)
        self.quiet = self.load.report()

    def fill(self) -> None:
        """Gives the control plane everything that the traffic needs."""
        self.put(CDS, "a", cluster("a"))
        self.put(EDS, "a", assignment("a", self.load.one))
        self.put(LDS, "l", listener("l", self.port))
        self.put(RDS, "r", routes("r", "a"))

    def put(self, url: str, name: str, made: object) -> None:
        """Pushes one resource."""
        self.server.put(url, {name: made})

    def lead_to(self, service: str) -> None:
        """Pushes endpoints that lead to a service."""
        self.put(EDS, "a", assignment("a", getattr(self.load, service)))

    def follows(self, service: str) -> None:
        """Waits until all answers are of a service."""
        deadline = time.monotonic() + CONVERGE_LIMIT
        other = {"one": "two", "two": "one"}[service]
        before = self.load.report()
        while True:
            time.sleep(0.3)
            now = self.load.report()
            if now.by.get(service, 0) > before.by.get(service, 0) and (
                now.by.get(other, 0) == before.by.get(other, 0)
            ):
                return
            assert time.monotonic() < deadline, f"the traffic does not follow to {service}: {now}"
            before = now

    def alive(self) -> None:
        """Fails if the proxy has ended or reported a crash."""
        assert self.proxy.process.poll() is None, self.proxy.stderr
        assert "Traceback" not in self.proxy.stderr
        assert "panicked" not in self.proxy.stderr

    def end(self) -> Report:
        """Ends the load: every request of it has been answered, by a proxy that is alive."""
        self.alive()
        report = self.load.end()
        report.check()
        return report

    def pss_mb(self) -> float:
        """The memory of the proxy, proportional set size."""
        return self._kilobytes("smaps_rollup", "Pss") / 1024

    def resident_mb(self) -> float:
        """The resident set of the proxy: what it shares with others counts in full."""
        return self._kilobytes("status", "VmRSS") / 1024

    def peak_mb(self) -> float:
        """The largest resident set that the proxy has had."""
        return self._kilobytes("status", "VmHWM") / 1024

    def _kilobytes(self, file: str, name: str) -> int:
        text = Path(f"/proc/{self.proxy.process.pid}/{file}").read_text()
        found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
        assert found
        return int(found.group(1))
