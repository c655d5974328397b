"""What the endpoints work on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from lateen.proxy.hot_restart.status import RestartStatus

if TYPE_CHECKING:
    from lateen.proxy.certificates import ContextInUse
    from lateen.proxy.config_source import ConfigSource
    from lateen.proxy.config_summary import ConfigSummary
    from lateen.proxy.log.logger import Log
    from lateen.proxy.options import Options
    from lateen.proxy.resources.dynamic import Dynamic
    from lateen.proxy.runtime import RuntimeLayers
    from lateen.proxy.stats.process import ServerState
    from lateen.proxy.stats.source import StatsSource
    from lateen.proxy.workers import Workers


class Control(Protocol):
    """What the endpoints may do to the server."""

    @property
    def state(self) -> ServerState:
        """Envoy's server state."""

    @property
    def uptime_s(self) -> int:
        """Seconds since the start."""

    def set_health_check_failed(self, failed: bool) -> None:
        """Makes the server look unhealthy, or no longer."""

    def drain_listeners(self, *, graceful: bool, inbound_only: bool, skip_exit: bool) -> None:
        """Drains listeners; see /drain_listeners."""

    def quit(self) -> None:
        """Drains and ends the process."""

    def reopen_logs(self) -> None:
        """Opens all log files anew."""


@dataclass
class Lookups:
    """Whether lookups of stats by name are `tracked` (/stats/recentlookups)."""

    tracked: bool = False


@dataclass(frozen=True)
class AdminContext:
    """The parts of a running proxy that the endpoints show or change."""

    options: Options
    concurrency: int
    control: Control
    workers: Workers
    stats: StatsSource
    log: Log
    config: ConfigSource
    summary: ConfigSummary
    runtime: RuntimeLayers
    dynamic: Dynamic | None = None
    tls_contexts: Callable[[], Sequence[ContextInUse]] = tuple
    lookups: Lookups = field(default_factory=Lookups)
    restart: RestartStatus = field(default_factory=RestartStatus)
