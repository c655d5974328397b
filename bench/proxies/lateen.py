"""Lateen itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.proxies.base import Proxy, Setup, first_line
from bench.proxies.envoy_config import traffic


class Lateen(Proxy):
    """`lateen proxy` with the configuration that Envoy gets."""

    name = "lateen"
    runs_envoy_config = True

    def missing(self) -> str | None:
        """See Proxy."""
        if self.programs.lateen.is_file():
            return None
        return f"{self.programs.lateen} is missing: make build"

    def version(self) -> str:
        """See Proxy."""
        return first_line([str(self.programs.lateen), "proxy", "--version"])

    def command(self, setup: Setup) -> list[str]:
        """See Proxy."""
        return self.serve(traffic(setup), setup.workers)

    def serve(self, config: Path, workers: int = 1, more: Sequence[str] = ()) -> list[str]:
        """Return the command that runs a configuration file, with `more` flags."""
        return [
            str(self.programs.lateen),
            "proxy",
            "--config-path",
            str(config),
            "--concurrency",
            str(workers),
            "--disable-hot-restart",
            "--log-level",
            "warn",
            *more,
        ]
