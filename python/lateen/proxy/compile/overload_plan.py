"""What the overload manager watches and does.

Source: Envoy docs, "Overload manager".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.proxy.compile.resource_monitors.downstream_connections import DownstreamConnections

if TYPE_CHECKING:
    from lateen.protos.worker_pb2 import Overload
    from lateen.proxy.compile.resource_monitors import Monitor

STOP_CONNECTIONS = "envoy.overload_actions.stop_accepting_connections"
REDUCE_TIMEOUTS = "envoy.overload_actions.reduce_timeouts"
SHRINK_HEAP = "envoy.overload_actions.shrink_heap"
DEFAULT_REFRESH_S = 1.0
DEFAULT_SHRINK_S = 10.0


@dataclass(frozen=True)
class Trigger:
    """Makes a state of a pressure.

    Attributes:
        resource: the name of the monitor.
        start: up to this pressure the state is 0.
        full: from this pressure on the state is 1; no more than `start` for a mere threshold.
    """

    resource: str
    start: float
    full: float


@dataclass(frozen=True)
class Action:
    """An overload action, or a load shed point; its state is the highest of its triggers.

    Attributes:
        name: as in the configuration.
        triggers: at least one.
        point: where a share is shed that is the state, as Overload.Point has it; "": it acts in
            another way.
        stats_block: of a load shed point; 0 for an action.
    """

    name: str
    triggers: Sequence[Trigger]
    point: str = ""
    stats_block: int = 0


@dataclass(frozen=True)
class OverloadPlan:
    """What the overload manager does.

    Attributes:
        refresh_s: seconds between two looks at all monitors.
        monitors: what is watched.
        actions: those that something is done for.
        timers: the shortest timeouts of `reduce_timeouts`.
        shrink_s: seconds between two attempts of `shrink_heap`.
    """

    refresh_s: float = DEFAULT_REFRESH_S
    monitors: Sequence[Monitor] = ()
    actions: Sequence[Action] = ()
    timers: Sequence[Overload.Timer] = ()
    shrink_s: float = DEFAULT_SHRINK_S

    @property
    def max_connections(self) -> int:
        """How many connections all listeners may have together; 0 for no limit."""
        kinds = [monitor.kind for monitor in self.monitors]
        limits = [kind.limit for kind in kinds if isinstance(kind, DownstreamConnections)]
        return min(limits, default=0)
