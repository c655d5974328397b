"""The floor: bytes copied without a look at them (crates/core/examples/relay.rs)."""

from __future__ import annotations

from bench.net import ADDRESS
from bench.proxies.base import Proxy, Setup


class Relay(Proxy):
    """The byte relay; what it costs is what the sockets cost."""

    name = "relay"
    speaks_http = False
    has_access_log = False

    def missing(self) -> str | None:
        """See Proxy."""
        program = self.programs.examples / "relay"
        return None if program.is_file() else f"{program} is missing: make bench builds it"

    def version(self) -> str:
        """See Proxy."""
        return "relay (this repository)"

    def command(self, setup: Setup) -> list[str]:
        """See Proxy."""
        return [
            str(self.programs.examples / "relay"),
            f"{ADDRESS}:{setup.port}",
            f"{ADDRESS}:{setup.upstream_port}",
        ]
