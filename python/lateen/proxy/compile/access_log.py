"""Access logs to files, standard output and standard error.

Source: envoy/config/accesslog/v3/accesslog.proto and envoy/extensions/access_loggers/{file,stream}.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import Format, JsonFormat
from lateen.proxy.compile.access_log_filter import compile_access_log_filter
from lateen.proxy.compile.format import compile_format, compile_json_format
from lateen.proxy.compile.registry import Extension
from lateen.proxy.compile.substitution_format import compile_format_string
from lateen.proxy.compile.values import struct_to_python

if TYPE_CHECKING:
    from envoy.config.accesslog.v3 import accesslog_pb2 as accesslog
    from envoy.extensions.access_loggers.file.v3.file_pb2 import FileAccessLog
    from envoy.extensions.access_loggers.stream.v3 import stream_pb2
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.accesslog.v3.AccessLog",
        implemented="name filter typed_config",
    ),
)
_FILE = "envoy.extensions.access_loggers.file.v3.FileAccessLog"
_STDERR = "envoy.extensions.access_loggers.stream.v3.StderrAccessLog"
_STDOUT = "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"

# Envoy docs, "Access logging", default format string.
DEFAULT_FORMAT = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%"'
    " %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION%"
    ' %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%"'
    ' "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n'
)


def compile_access_logs(
    ctx: CompileContext, sources: Iterable[accesslog.AccessLog], at: str
) -> list[worker_pb2.AccessLog]:
    """Every access log of a listener, a filter or the router."""
    compiled = []
    for index, source in enumerate(sources):
        log = compile_access_log(ctx, source, f"{at}[{index}]")
        if log is not None:
            compiled.append(log)
    return compiled


def compile_access_log(
    ctx: CompileContext, source: accesslog.AccessLog, at: str
) -> worker_pb2.AccessLog | None:
    """One access log, or None after reporting why there is none."""
    config = source.typed_config if source.HasField("typed_config") else None
    found = ctx.extensions.access_loggers.find(ctx, source.name, config, at)
    if found is None:
        return None
    extension, message = found
    log = extension.compile(ctx, message, f"{at}.typed_config")
    log.name = source.name
    if source.HasField("filter"):
        log.filter.CopyFrom(compile_access_log_filter(ctx, source.filter, f"{at}.filter"))
    return log


def compile_file(ctx: CompileContext, message: Message, at: str) -> worker_pb2.AccessLog:
    """envoy.access_loggers.file"""
    config: FileAccessLog = message  # type: ignore[assignment]
    log = worker_pb2.AccessLog(sink=worker_pb2.AccessLog.Sink.FILE, path=config.path)
    kind = config.WhichOneof("access_log_format")
    if kind == "log_format":
        _set_format(log, compile_format_string(ctx, config.log_format, f"{at}.log_format"))
    elif kind == "json_format":
        value = struct_to_python(config.json_format)
        _set_format(log, compile_json_format(ctx, value, f"{at}.json_format"))
    elif kind == "typed_json_format":
        value = struct_to_python(config.typed_json_format)
        _set_format(log, compile_json_format(ctx, value, f"{at}.typed_json_format"))
    else:
        _set_format(log, compile_format(ctx, config.format or DEFAULT_FORMAT, f"{at}.format"))
    return log


def compile_stdout(ctx: CompileContext, message: Message, at: str) -> worker_pb2.AccessLog:
    """envoy.access_loggers.stdout"""
    config: stream_pb2.StdoutAccessLog = message  # type: ignore[assignment]
    return _compile_stream(ctx, config, worker_pb2.AccessLog.Sink.STDOUT, at)


def compile_stderr(ctx: CompileContext, message: Message, at: str) -> worker_pb2.AccessLog:
    """envoy.access_loggers.stderr"""
    config: stream_pb2.StderrAccessLog = message  # type: ignore[assignment]
    return _compile_stream(ctx, config, worker_pb2.AccessLog.Sink.STDERR, at)


def _compile_stream(
    ctx: CompileContext,
    config: stream_pb2.StdoutAccessLog | stream_pb2.StderrAccessLog,
    sink: worker_pb2.AccessLog.Sink,
    at: str,
) -> worker_pb2.AccessLog:
    log = worker_pb2.AccessLog(sink=sink)
    if config.HasField("log_format"):
        _set_format(log, compile_format_string(ctx, config.log_format, f"{at}.log_format"))
    else:
        _set_format(log, compile_format(ctx, DEFAULT_FORMAT, at))
    return log


def _set_format(log: worker_pb2.AccessLog, compiled: Format | JsonFormat) -> None:
    if isinstance(compiled, JsonFormat):
        log.json.CopyFrom(compiled)
    else:
        log.text.CopyFrom(compiled)


def _support(message_type: str, implemented: str) -> tuple[Fields, ...]:
    return (Fields(message_type, implemented=implemented, category="envoy.access_loggers"),)


FILE = Extension(
    "envoy.access_loggers.file",
    _FILE,
    compile_file,
    _support(_FILE, "path format json_format typed_json_format log_format"),
)
STDERR = Extension(
    "envoy.access_loggers.stderr", _STDERR, compile_stderr, _support(_STDERR, "log_format")
)
STDOUT = Extension(
    "envoy.access_loggers.stdout", _STDOUT, compile_stdout, _support(_STDOUT, "log_format")
)
