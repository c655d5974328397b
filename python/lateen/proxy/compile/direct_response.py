"""Answering without a cluster.

Source: DirectResponseAction in envoy/config/route/v3/route_components.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import DirectResponse
from lateen.proxy.compile.data_source import read_data_source
from lateen.proxy.compile.substitution_format import compile_body_format

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import DirectResponseAction

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.route.v3.DirectResponseAction",
        implemented="status body body_format",
    ),
)

DEFAULT_BODY_LIMIT = 4096


def compile_direct_response(
    ctx: CompileContext, action: DirectResponseAction, body_limit: int, at: str
) -> DirectResponse:
    """One answer; `body_limit` is the table's max_direct_response_body_size_bytes (0: none)."""
    compiled = DirectResponse(status=action.status)
    if action.HasField("body"):
        compiled.body = read_data_source(ctx, action.body, f"{at}.body")
        if body_limit and len(compiled.body) > body_limit:
            ctx.error(
                f"{at}.body",
                f"response body size is {len(compiled.body)} bytes; maximum is {body_limit}",
            )
    if action.HasField("body_format"):
        body = compile_body_format(ctx, action.body_format, f"{at}.body_format")
        compiled.body_format.CopyFrom(body)
    return compiled
