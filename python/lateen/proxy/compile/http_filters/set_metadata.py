"""envoy.filters.http.set_metadata

Source: envoy/extensions/filters/http/set_metadata/v3/set_metadata.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import FilterOverride, HttpFilter, SetMetadataFilter
from lateen.proxy.compile.registry import HttpExtension, Override
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.values import struct_to_python, to_json

if TYPE_CHECKING:
    from envoy.extensions.filters.http.set_metadata.v3 import set_metadata_pb2 as envoy
    from google.protobuf.message import Message
    from google.protobuf.struct_pb2 import Struct

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_PACKAGE = "envoy.extensions.filters.http.set_metadata.v3"

SUPPORT = (
    Fields(
        f"{_PACKAGE}.Config",
        implemented="metadata_namespace value metadata",
        category="envoy.filters.http",
    ),
    Fields(
        f"{_PACKAGE}.Metadata",
        implemented="metadata_namespace allow_overwrite value",
        rejected={"typed_value": "no filter here reads typed metadata; use value"},
    ),
)


def compile_set_metadata(
    ctx: CompileContext, message: Message, owner: HttpFilterOwner, _at: str
) -> HttpFilter:
    """The filter that gives requests dynamic metadata."""
    config: envoy.Config = message  # type: ignore[assignment]
    block = owner.block(ctx.blocks, BlockKind.SET_METADATA, "set_metadata")
    return HttpFilter(set_metadata=_compile(config, block))


def compile_set_metadata_override(
    ctx: CompileContext, message: Message, out: FilterOverride, _at: str
) -> None:
    """What the requests of a route get beside it."""
    config: envoy.Config = message  # type: ignore[assignment]
    block = ctx.blocks.allot(BlockKind.SET_METADATA, "set_metadata")
    out.set_metadata.CopyFrom(_compile(config, block))


def _compile(config: envoy.Config, block: int) -> SetMetadataFilter:
    """The older fields come first."""
    entries = [
        _entry(each.metadata_namespace, each.value, allow_overwrite=each.allow_overwrite)
        for each in config.metadata
    ]
    if config.metadata_namespace:
        older = _entry(config.metadata_namespace, config.value, allow_overwrite=True)
        entries.insert(0, older)
    return SetMetadataFilter(stats_block=block, entries=entries)


def _entry(namespace: str, value: Struct, *, allow_overwrite: bool) -> SetMetadataFilter.Entry:
    return SetMetadataFilter.Entry(
        namespace=namespace,
        values_json=to_json(struct_to_python(value)),
        allow_overwrite=allow_overwrite,
    )


EXTENSION = HttpExtension(
    "envoy.filters.http.set_metadata",
    f"{_PACKAGE}.Config",
    compile_set_metadata,
    SUPPORT,
    Override(f"{_PACKAGE}.Config", compile_set_metadata_override),
)
