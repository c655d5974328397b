"""envoy.resource_monitors.cpu_utilization

Source: envoy/extensions/resource_monitors/cpu_utilization/v3/cpu_utilization.proto
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.config.support import whole

if TYPE_CHECKING:
    from envoy.extensions.resource_monitors.cpu_utilization.v3 import cpu_utilization_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

MESSAGE = "envoy.extensions.resource_monitors.cpu_utilization.v3.CpuUtilizationConfig"
SUPPORT = whole(MESSAGE, category="envoy.resource_monitors")


@dataclass(frozen=True)
class CpuUtilization:
    """The use of all cores, or of those that the process's cgroup may have."""

    container: bool


def compile_cpu_utilization(_ctx: CompileContext, message: Message, _at: str) -> CpuUtilization:
    """What the monitor looks at."""
    config: envoy.CpuUtilizationConfig = message  # type: ignore[assignment]
    return CpuUtilization(config.mode == type(config).CONTAINER)
