"""The time-outs and limits of a connection manager, and when its access log is written.

Source: http_connection_manager.proto and HttpProtocolOptions; defaults as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.protos.worker_pb2 import HttpConnectionManager
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )
    from google.protobuf.duration_pb2 import Duration

_IDLE_MS = 3_600_000
_STREAM_IDLE_MS = 300_000
_DRAIN_MS = 5000
_DELAYED_CLOSE_MS = 1000
_HEADERS_KB = 60
_HEADERS_COUNT = 100


def compile_limits(config: hcm.HttpConnectionManager, out: HttpConnectionManager) -> None:
    """Set every duration and limit; what is 0 in the configuration is off."""
    common = config.common_http_protocol_options
    out.idle_timeout_ms = _or(common.HasField("idle_timeout"), common.idle_timeout, _IDLE_MS)
    out.max_connection_duration_ms = milliseconds(common.max_connection_duration)
    out.max_stream_duration_ms = milliseconds(common.max_stream_duration)
    out.max_requests_per_connection = common.max_requests_per_connection.value
    counted = common.HasField("max_headers_count")
    out.max_headers_count = common.max_headers_count.value if counted else _HEADERS_COUNT
    sized = config.HasField("max_request_headers_kb")
    size = config.max_request_headers_kb.value if sized else _HEADERS_KB
    out.max_request_headers_bytes = size * 1024
    out.stream_idle_timeout_ms = _or(
        config.HasField("stream_idle_timeout"), config.stream_idle_timeout, _STREAM_IDLE_MS
    )
    out.request_timeout_ms = milliseconds(config.request_timeout)
    out.request_headers_timeout_ms = milliseconds(config.request_headers_timeout)
    out.drain_timeout_ms = _or(config.HasField("drain_timeout"), config.drain_timeout, _DRAIN_MS)
    out.delayed_close_timeout_ms = _or(
        config.HasField("delayed_close_timeout"), config.delayed_close_timeout, _DELAYED_CLOSE_MS
    )
    options = config.access_log_options
    out.flush_access_log_on_new_request = (
        options.flush_access_log_on_new_request or config.flush_access_log_on_new_request
    )
    out.flush_access_log_on_tunnel = options.flush_log_on_tunnel_successfully_established


def _or(given: bool, duration: Duration, default: int) -> int:
    return milliseconds(duration) if given else default
