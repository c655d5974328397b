"""What the inputs of matcher trees are compared with, beside strings.

Source: envoy/extensions/matching/input_matchers/*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.proxy.compile.address import compile_cidrs
from lateen.proxy.compile.metadata_value import ANY_VALUE, compile_metadata_value

if TYPE_CHECKING:
    from envoy.extensions.matching.input_matchers.consistent_hashing.v3 import (
        consistent_hashing_pb2 as hashing,
    )
    from envoy.extensions.matching.input_matchers.ip.v3 import ip_pb2 as ip
    from envoy.extensions.matching.input_matchers.metadata.v3 import metadata_pb2 as metadata

    from lateen.protos import worker_pb2
    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.matcher_tree import TypedExtensionConfig

_PACKAGE = "envoy.extensions.matching.input_matchers"
_HASHING = f"{_PACKAGE}.consistent_hashing.v3.ConsistentHashing"
_IP = f"{_PACKAGE}.ip.v3.Ip"
_METADATA = f"{_PACKAGE}.metadata.v3.Metadata"
_CATEGORY = "envoy.matching.input_matchers"

SUPPORT = (
    whole(_HASHING, category=_CATEGORY),
    Fields(
        _IP,
        implemented="cidr_ranges",
        harmless={"stat_prefix": "nothing counts texts that are no addresses"},
        category=_CATEGORY,
    ),
    Fields(_METADATA, implemented="*", within={"value": ANY_VALUE}, category=_CATEGORY),
)


def compile_input_matcher(
    ctx: CompileContext,
    source: TypedExtensionConfig,
    out: worker_pb2.MatchPredicate.Single,
    at: str,
) -> None:
    """What a custom_match compares an input with."""
    message = ctx.unpack(source.typed_config)
    name = message.DESCRIPTOR.full_name if message else source.name
    where = f"{at}.typed_config"
    if name == _IP:
        ranges = cast("ip.Ip", message).cidr_ranges
        out.ranges.ranges.extend(compile_cidrs(ctx, ranges, f"{where}.cidr_ranges"))
    elif name == _HASHING:
        hashed = cast("hashing.ConsistentHashing", message)
        out.hashed.modulo, out.hashed.threshold = hashed.modulo, hashed.threshold
        out.hashed.seed = hashed.seed
    elif name == _METADATA:
        config = cast("metadata.Metadata", message)
        value = compile_metadata_value(ctx, config.value, f"{where}.value")
        out.value.value.CopyFrom(value)
        out.value.invert = config.invert
    else:
        known = ", ".join((_HASHING, _IP, _METADATA))
        ctx.unimplemented(at, f"custom matcher {name}", f"value_match, {known}")
