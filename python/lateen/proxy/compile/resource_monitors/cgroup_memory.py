"""envoy.resource_monitors.cgroup_memory

Source: envoy/extensions/resource_monitors/cgroup_memory/v3/cgroup_memory.proto
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.config.support import whole

if TYPE_CHECKING:
    from envoy.extensions.resource_monitors.cgroup_memory.v3 import cgroup_memory_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

MESSAGE = "envoy.extensions.resource_monitors.cgroup_memory.v3.CgroupMemoryConfig"
SUPPORT = whole(MESSAGE, category="envoy.resource_monitors")


@dataclass(frozen=True)
class CgroupMemory:
    """The memory of the process's cgroup, of its limit or of `max_bytes`; 0: of its limit alone."""

    max_bytes: int


def compile_cgroup_memory(_ctx: CompileContext, message: Message, _at: str) -> CgroupMemory:
    """What the monitor looks at."""
    config: envoy.CgroupMemoryConfig = message  # type: ignore[assignment]
    return CgroupMemory(config.max_memory_bytes)
