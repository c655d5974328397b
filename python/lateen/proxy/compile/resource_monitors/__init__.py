"""Resource monitors: one file each, registered here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.proxy.compile.resource_monitors import (
    cgroup_memory,
    cpu_utilization,
    downstream_connections,
    fixed_heap,
    injected_resource,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from envoy.config.overload.v3.overload_pb2 import ResourceMonitor
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

MonitorKind = (
    cgroup_memory.CgroupMemory
    | cpu_utilization.CpuUtilization
    | downstream_connections.DownstreamConnections
    | fixed_heap.FixedHeap
    | injected_resource.InjectedResource
)

_MONITORS: dict[str, Callable[[CompileContext, Message, str], MonitorKind]] = {
    cgroup_memory.MESSAGE: cgroup_memory.compile_cgroup_memory,
    cpu_utilization.MESSAGE: cpu_utilization.compile_cpu_utilization,
    downstream_connections.MESSAGE: downstream_connections.compile_downstream_connections,
    fixed_heap.MESSAGE: fixed_heap.compile_fixed_heap,
    injected_resource.MESSAGE: injected_resource.compile_injected_resource,
}

SUPPORT = (
    cgroup_memory.SUPPORT,
    cpu_utilization.SUPPORT,
    downstream_connections.SUPPORT,
    fixed_heap.SUPPORT,
    injected_resource.SUPPORT,
)


@dataclass(frozen=True)
class Monitor:
    """What is watched under a name."""

    name: str
    kind: MonitorKind


def compile_monitor(ctx: CompileContext, source: ResourceMonitor, at: str) -> Monitor | None:
    """A resource monitor; None for one that is not known, which is reported elsewhere."""
    message = ctx.unpack(source.typed_config)
    known = _MONITORS.get(message.DESCRIPTOR.full_name) if message is not None else None
    if message is None or known is None:
        return None
    return Monitor(source.name, known(ctx, message, at))
