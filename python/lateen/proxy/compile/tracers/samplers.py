"""Which of the traced requests have spans that are reported.

Source: envoy/extensions/tracers/opentelemetry/samplers/v3; errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import RuntimeFraction, TraceSampler
from lateen.proxy.compile.values import denominator

if TYPE_CHECKING:
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
    from envoy.extensions.tracers.opentelemetry.samplers.v3 import (
        parent_based_sampler_pb2,
        trace_id_ratio_based_sampler_pb2,
    )

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.extensions.tracers.opentelemetry.samplers.v3"
_ALWAYS_ON = f"{_PACKAGE}.AlwaysOnSamplerConfig"
_RATIO = f"{_PACKAGE}.TraceIdRatioBasedSamplerConfig"
_PARENT = f"{_PACKAGE}.ParentBasedSamplerConfig"
_CATEGORY = "envoy.tracers.opentelemetry.samplers"

SUPPORT = tuple(whole(message, _CATEGORY) for message in (_ALWAYS_ON, _RATIO, _PARENT))


def compile_sampler(ctx: CompileContext, source: TypedExtensionConfig, at: str) -> TraceSampler:
    """A sampler; one that is not known is reported where the fields that are set are checked."""
    if not source.HasField("typed_config"):
        ctx.error(at, f"the sampler {source.name!r} needs a typed_config")
    message = ctx.unpack(source.typed_config)
    kind = message.DESCRIPTOR.full_name if message is not None else ""
    if kind == _RATIO:
        ratio: trace_id_ratio_based_sampler_pb2.TraceIdRatioBasedSamplerConfig = message  # type: ignore[assignment]
        share = ratio.sampling_percentage
        fraction = RuntimeFraction(numerator=share.numerator, denominator=denominator(share))
        return TraceSampler(trace_id_ratio=fraction)
    if kind == _PARENT:
        parent: parent_based_sampler_pb2.ParentBasedSamplerConfig = message  # type: ignore[assignment]
        where = f"{at}.typed_config.wrapped_sampler"
        return TraceSampler(parent_based=compile_sampler(ctx, parent.wrapped_sampler, where))
    return TraceSampler(always_on=True)
