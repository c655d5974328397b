"""envoy.access_loggers.http_grpc and envoy.access_loggers.tcp_grpc

Source: envoy/extensions/access_loggers/grpc/v3/als.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import GrpcAccessLog
from lateen.proxy.compile.custom_tags import compile_log_tags
from lateen.proxy.compile.log_service import (
    COMMON_CONFIG,
    allot_stats,
    compile_buffer,
    compile_common_client,
)
from lateen.proxy.compile.registry import Extension

if TYPE_CHECKING:
    from envoy.extensions.access_loggers.grpc.v3 import als_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.extensions.access_loggers.grpc.v3"
_HTTP = f"{_PACKAGE}.HttpGrpcAccessLogConfig"
_TCP = f"{_PACKAGE}.TcpGrpcAccessLogConfig"
_IDENTIFIER = "envoy.service.accesslog.v3.StreamAccessLogsMessage.Identifier"
_STATS = "access_logs.grpc_access_log"


def compile_http_grpc(ctx: CompileContext, message: Message, at: str) -> worker_pb2.AccessLog:
    """Entries about requests."""
    config: envoy.HttpGrpcAccessLogConfig = message  # type: ignore[assignment]
    log = _compile(ctx, config.common_config, f"{at}.common_config", tcp=False)
    log.request_headers.extend(config.additional_request_headers_to_log)
    log.response_headers.extend(config.additional_response_headers_to_log)
    log.response_trailers.extend(config.additional_response_trailers_to_log)
    return worker_pb2.AccessLog(grpc=log)


def compile_tcp_grpc(ctx: CompileContext, message: Message, at: str) -> worker_pb2.AccessLog:
    """Entries about connections."""
    config: envoy.TcpGrpcAccessLogConfig = message  # type: ignore[assignment]
    log = _compile(ctx, config.common_config, f"{at}.common_config", tcp=True)
    return worker_pb2.AccessLog(grpc=log)


def _compile(
    ctx: CompileContext, common: envoy.CommonGrpcAccessLogConfig, at: str, *, tcp: bool
) -> GrpcAccessLog:
    stream = GrpcAccessLog.Stream(
        service=compile_common_client(ctx, common, at),
        identifier=_identifier(ctx, common.log_name),
        buffer=compile_buffer(common),
        tcp=tcp,
        stats_block=allot_stats(ctx, _STATS),
    )
    return GrpcAccessLog(
        stream=stream,
        filter_state_objects=common.filter_state_objects_to_log,
        custom_tags=compile_log_tags(ctx, common.custom_tags, f"{at}.custom_tags"),
    )


def _identifier(ctx: CompileContext, log_name: str) -> bytes:
    """Who logs: the node, and the name of the log."""
    identifier = ctx.types.message_class(_IDENTIFIER)(node=ctx.parsed_node(), log_name=log_name)
    return identifier.SerializeToString(deterministic=True)


def _support(message_type: str, implemented: str) -> tuple[Fields, ...]:
    return (
        Fields(
            message_type,
            implemented=implemented,
            within={"common_config": COMMON_CONFIG},
            category="envoy.access_loggers",
        ),
    )


HTTP_GRPC = Extension(
    "envoy.access_loggers.http_grpc",
    _HTTP,
    compile_http_grpc,
    _support(
        _HTTP,
        """
        common_config additional_request_headers_to_log additional_response_headers_to_log
        additional_response_trailers_to_log
        """,
    ),
)
TCP_GRPC = Extension(
    "envoy.access_loggers.tcp_grpc", _TCP, compile_tcp_grpc, _support(_TCP, "common_config")
)
