"""What the spans of OpenTelemetry say of the process that tells them.

Source: envoy/extensions/tracers/opentelemetry/resource_detectors/v3; errors as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.config.support import whole

if TYPE_CHECKING:
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
    from envoy.extensions.tracers.opentelemetry.resource_detectors.v3 import (
        static_config_resource_detector_pb2,
    )

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.extensions.tracers.opentelemetry.resource_detectors.v3"
_ENVIRONMENT = f"{_PACKAGE}.EnvironmentResourceDetectorConfig"
_STATIC = f"{_PACKAGE}.StaticConfigResourceDetectorConfig"
_CATEGORY = "envoy.tracers.opentelemetry.resource_detectors"

SUPPORT = (whole(_ENVIRONMENT, _CATEGORY), whole(_STATIC, _CATEGORY))

_VARIABLE = "OTEL_RESOURCE_ATTRIBUTES"


def detect(
    ctx: CompileContext, detectors: Iterable[TypedExtensionConfig], at: str
) -> dict[str, str]:
    """The attributes that the detectors find; a later one's count. Empty values are left out."""
    found: dict[str, str] = {}
    for index, detector in enumerate(detectors):
        message = ctx.unpack(detector.typed_config)
        kind = message.DESCRIPTOR.full_name if message is not None else ""
        if kind == _ENVIRONMENT:
            found |= _from_environment(ctx, f"{at}[{index}]")
        elif kind == _STATIC:
            static: static_config_resource_detector_pb2.StaticConfigResourceDetectorConfig = message  # type: ignore[assignment]
            found |= {key: value for key, value in static.attributes.items() if key and value}
    return found


def _from_environment(ctx: CompileContext, at: str) -> dict[str, str]:
    """KEY=VALUE pairs, with commas between them."""
    text = ctx.environment.get(_VARIABLE, "")
    if not text:
        ctx.warning(at, f"the environment variable {_VARIABLE} is not set")
        return {}
    pairs = [pair.split("=") for pair in text.split(",")]
    if any(len(pair) != 2 for pair in pairs):
        reason = f"{_VARIABLE} must hold KEY=VALUE pairs, with commas between them: {text}"
        ctx.error(at, reason)
        return {}
    return dict(pairs)
