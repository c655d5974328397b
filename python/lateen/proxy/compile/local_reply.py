"""How answers that the proxy makes itself are rewritten.

Source: LocalReplyConfig in http_connection_manager.proto; Envoy docs, "Local reply modification".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.proxy.compile.access_log_filter import compile_access_log_filter
from lateen.proxy.compile.data_source import read_text
from lateen.proxy.compile.headers import compile_options
from lateen.proxy.compile.substitution_format import compile_body_format

if TYPE_CHECKING:
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.extensions.filters.network.http_connection_manager.v3"
SUPPORT = (
    Fields(
        "envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig",
        implemented="mappers body_format",
    ),
    Fields(
        "envoy.extensions.filters.network.http_connection_manager.v3.ResponseMapper",
        implemented="filter status_code body body_format_override headers_to_add",
    ),
)


def compile_local_reply(
    ctx: CompileContext, config: hcm.LocalReplyConfig, at: str
) -> worker_pb2.LocalReplyConfig:
    """The mappers, of which the first that matches is used, and the format of all bodies."""
    compiled = worker_pb2.LocalReplyConfig(
        mappers=[
            _compile_mapper(ctx, mapper, f"{at}.mappers[{i}]")
            for i, mapper in enumerate(config.mappers)
        ]
    )
    if config.HasField("body_format"):
        body = compile_body_format(ctx, config.body_format, f"{at}.body_format")
        compiled.body_format.CopyFrom(body)
    return compiled


def _compile_mapper(
    ctx: CompileContext, mapper: hcm.ResponseMapper, at: str
) -> worker_pb2.ResponseMapper:
    compiled = worker_pb2.ResponseMapper(
        filter=compile_access_log_filter(ctx, mapper.filter, f"{at}.filter"),
        headers_to_add=compile_options(ctx, mapper.headers_to_add, f"{at}.headers_to_add"),
    )
    if mapper.HasField("status_code"):
        compiled.status_code = mapper.status_code.value
    if mapper.HasField("body"):
        compiled.body = read_text(ctx, mapper.body, f"{at}.body")
    if mapper.HasField("body_format_override"):
        where = f"{at}.body_format_override"
        body = compile_body_format(ctx, mapper.body_format_override, where)
        compiled.body_format.CopyFrom(body)
    return compiled
