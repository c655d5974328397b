"""Tracers: one file each, registered here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from lateen.protos.worker_pb2 import Tracer
from lateen.proxy.compile.tracers import opentelemetry, receiver, zipkin

if TYPE_CHECKING:
    from envoy.config.trace.v3.http_tracer_pb2 import Tracing

    from lateen.proxy.compile.context import CompileContext

_TRACERS: Mapping[str, Callable[[CompileContext, Message, str], Tracer]] = {
    opentelemetry.MESSAGE: opentelemetry.compile_opentelemetry,
    zipkin.MESSAGE: zipkin.compile_zipkin,
}

SUPPORT = (*opentelemetry.SUPPORT, *receiver.SUPPORT, *zipkin.SUPPORT)


def compile_tracer(ctx: CompileContext, provider: Tracing.Http, at: str) -> Tracer | None:
    """A tracer; None for one that is not known, which is reported where fields are checked."""
    if not provider.HasField("typed_config"):
        ctx.error(at, f"the tracer {provider.name!r} needs a typed_config")
        return None
    message = ctx.unpack(provider.typed_config)
    compiler = _TRACERS.get(message.DESCRIPTOR.full_name) if message is not None else None
    if message is None or compiler is None:
        return None
    return compiler(ctx, message, f"{at}.typed_config")
