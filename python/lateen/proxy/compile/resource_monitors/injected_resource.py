"""envoy.resource_monitors.injected_resource

Source: envoy/extensions/resource_monitors/injected_resource/v3/injected_resource.proto
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.config.support import whole

if TYPE_CHECKING:
    from envoy.extensions.resource_monitors.injected_resource.v3 import (
        injected_resource_pb2 as envoy,
    )
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

MESSAGE = "envoy.extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig"
SUPPORT = whole(MESSAGE, category="envoy.resource_monitors")


@dataclass(frozen=True)
class InjectedResource:
    """The number, from 0 to 1, in a file."""

    path: str


def compile_injected_resource(_ctx: CompileContext, message: Message, _at: str) -> InjectedResource:
    """What the monitor looks at."""
    config: envoy.InjectedResourceConfig = message  # type: ignore[assignment]
    return InjectedResource(config.filename)
