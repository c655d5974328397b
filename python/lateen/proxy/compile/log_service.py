"""What access logs that go to a service have in common.

Source: envoy/extensions/access_loggers/grpc/v3/als.proto; defaults as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import Format, FormatPiece, GrpcServiceClient, TelemetryBuffer
from lateen.proxy.compile.service_client import (
    CORE_RETRY_POLICY,
    GRPC_SERVICE,
    check_transport_version,
    compile_grpc_client,
    compile_retries,
)
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from envoy.config.core.v3.grpc_service_pb2 import GrpcService
    from envoy.extensions.access_loggers.grpc.v3.als_pb2 import CommonGrpcAccessLogConfig
    from google.protobuf.duration_pb2 import Duration
    from google.protobuf.wrappers_pb2 import UInt32Value

    from lateen.proxy.compile.context import CompileContext

    class Buffered(Protocol):
        """What says when a batch is sent."""

        @property
        def buffer_flush_interval(self) -> Duration:
            """The time between two batches."""

        @property
        def buffer_size_bytes(self) -> UInt32Value:
            """How large a batch gets."""

        def HasField(self, field_name: str) -> bool:
            """Whether a field is set."""


COMMON_CONFIG = Fields(
    "envoy.extensions.access_loggers.grpc.v3.CommonGrpcAccessLogConfig",
    implemented="""
        log_name grpc_service transport_api_version buffer_flush_interval buffer_size_bytes
        filter_state_objects_to_log grpc_stream_retry_policy custom_tags
    """,
    within={
        "grpc_service": GRPC_SERVICE,
        "grpc_stream_retry_policy": CORE_RETRY_POLICY,
    },
)
"""For `within` of the loggers that have one."""

_FLUSH_INTERVAL_MS = 1000
_BUFFER_BYTES = 16384
_RETRY_ON = "connect-failure"


def compile_buffer(config: Buffered) -> TelemetryBuffer:
    """When a batch is sent."""
    interval = config.HasField("buffer_flush_interval")
    size = config.HasField("buffer_size_bytes")
    return TelemetryBuffer(
        bytes=config.buffer_size_bytes.value if size else _BUFFER_BYTES,
        flush_interval_ms=milliseconds(config.buffer_flush_interval)
        if interval
        else _FLUSH_INTERVAL_MS,
    )


def compile_log_client(ctx: CompileContext, service: GrpcService, at: str) -> GrpcServiceClient:
    """The client of a service that logs go to.

    As in Envoy, it waits as long as it takes, and its metadata is sent as it is written: there is
    no request that commands in it could ask.
    """
    client = compile_grpc_client(ctx, service, 0, at)
    client.client.timeout_ms = 0
    for compiled, header in zip(client.initial_metadata, service.initial_metadata, strict=True):
        compiled.value.CopyFrom(Format(pieces=[FormatPiece(literal=header.value)]))
    return client


def compile_common_client(
    ctx: CompileContext, common: CommonGrpcAccessLogConfig, at: str
) -> GrpcServiceClient:
    """The same with the retry policy of streams."""
    check_transport_version(ctx, common, at)
    client = compile_log_client(ctx, common.grpc_service, f"{at}.grpc_service")
    if common.HasField("grpc_stream_retry_policy"):
        where = f"{at}.grpc_stream_retry_policy"
        policy = compile_retries(ctx, common.grpc_stream_retry_policy, _RETRY_ON, where)
        client.client.retry_policy.CopyFrom(policy)
    return client


def allot_stats(ctx: CompileContext, prefix: str) -> int:
    """The block of `PREFIX.logs_written` and `PREFIX.logs_dropped`."""
    return ctx.blocks.allot(BlockKind.LOG_SERVICE, prefix)
