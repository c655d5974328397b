"""envoy.resource_monitors.fixed_heap

Source: envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap.proto
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.config.support import whole

if TYPE_CHECKING:
    from envoy.extensions.resource_monitors.fixed_heap.v3 import fixed_heap_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

MESSAGE = "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig"
SUPPORT = whole(MESSAGE, category="envoy.resource_monitors")


@dataclass(frozen=True)
class FixedHeap:
    """The memory that the process has taken, of `max_bytes`, which runtime may overrule."""

    max_bytes: int
    runtime_key: str


def compile_fixed_heap(ctx: CompileContext, message: Message, at: str) -> FixedHeap:
    """What the monitor looks at."""
    config: envoy.FixedHeapConfig = message  # type: ignore[assignment]
    runtime = config.max_heap_size_bytes_runtime
    most = runtime.default_value or config.max_heap_size_bytes
    if not most:
        ctx.error(f"{at}.max_heap_size_bytes", "fixed_heap: max heap size must be greater than 0")
    return FixedHeap(most, runtime.runtime_key)
