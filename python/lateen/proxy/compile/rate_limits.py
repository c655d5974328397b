"""Rate limits of routes, virtual hosts and filters: what descriptors are made of a request.

Source: RateLimit in envoy/config/route/v3/route_components.proto; defaults as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import RateLimit, RateLimitAction, RateLimitEntry
from lateen.proxy.compile.address import compile_cidrs
from lateen.proxy.compile.expressions import compile_text, compile_tree
from lateen.proxy.compile.format import compile_format
from lateen.proxy.compile.matchers import compile_headers, compile_query_parameters
from lateen.proxy.compile.values import enum_name

if TYPE_CHECKING:
    from envoy.config.core.v3.address_pb2 import CidrRange
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
    from envoy.config.route.v3 import route_components_pb2 as envoy
    from envoy.extensions.rate_limit_descriptors.expr.v3.expr_pb2 import Descriptor
    from envoy.type.metadata.v3.metadata_pb2 import MetadataKey

    from lateen.proxy.compile.context import CompileContext

    Action = envoy.RateLimit.Action

_PACKAGE = "envoy.config.route.v3"
_ACTION = f"{_PACKAGE}.RateLimit.Action"
_DESCRIPTOR = "envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor"
_NO_FORMAT = "values are texts, as in Envoy, where formats are off unless runtime switches them on"

SUPPORT = (
    Fields(
        f"{_PACKAGE}.RateLimit",
        implemented="stage disable_key actions hits_addend x_ratelimit_option limit",
        rejected={"apply_on_stream_done": "leave it out: limits apply when a request comes"},
    ),
    whole(f"{_PACKAGE}.RateLimit.HitsAddend"),
    whole(f"{_PACKAGE}.RateLimit.Override"),
    whole(f"{_PACKAGE}.RateLimit.Override.DynamicMetadata"),
    Fields(
        _ACTION,
        implemented="""
            source_cluster destination_cluster request_headers query_parameters remote_address
            generic_key header_value_match dynamic_metadata metadata masked_remote_address
            query_parameter_value_match remote_address_match extension
        """,
    ),
    whole(f"{_ACTION}.SourceCluster"),
    whole(f"{_ACTION}.DestinationCluster"),
    whole(f"{_ACTION}.RequestHeaders"),
    whole(f"{_ACTION}.QueryParameters"),
    whole(f"{_ACTION}.RemoteAddress"),
    whole(f"{_ACTION}.MaskedRemoteAddress"),
    *(
        Fields(
            f"{_ACTION}.{name}",
            implemented=f"descriptor_key descriptor_value {more}",
            harmless={"default_value": _NO_FORMAT},
        )
        for name, more in (
            ("GenericKey", ""),
            ("HeaderValueMatch", "expect_match headers"),
            ("QueryParameterValueMatch", "expect_match query_parameters"),
            ("RemoteAddressMatch", "address_matcher"),
        )
    ),
    whole(f"{_ACTION}.DynamicMetaData"),
    whole(f"{_ACTION}.MetaData"),
    whole(_DESCRIPTOR, category="envoy.rate_limit_descriptors"),
)

_OF_METADATA = ("DYNAMIC", "ROUTE_ENTRY")


def compile_rate_limits(
    ctx: CompileContext, limits: Iterable[envoy.RateLimit], at: str
) -> list[RateLimit]:
    """In their order."""
    return [_compile(ctx, limit, f"{at}[{index}]") for index, limit in enumerate(limits)]


def _compile(ctx: CompileContext, limit: envoy.RateLimit, at: str) -> RateLimit:
    compiled = RateLimit(
        stage=limit.stage.value,
        disable_key=limit.disable_key,
        actions=[
            _action(ctx, action, f"{at}.actions[{index}]")
            for index, action in enumerate(limit.actions)
        ],
        gives_back=limit.hits_addend.is_negative_hits,
        headers=cast("RateLimit.Headers", limit.x_ratelimit_option),
    )
    if limit.HasField("limit"):
        compiled.limit.extend(_path(limit.limit.dynamic_metadata.metadata_key))
    hits = limit.hits_addend
    if hits.HasField("number"):
        compiled.number = hits.number.value
    elif hits.format:
        compiled.format.CopyFrom(compile_format(ctx, hits.format, f"{at}.hits_addend.format"))
    return compiled


def _action(ctx: CompileContext, action: Action, at: str) -> RateLimitAction:
    kind = action.WhichOneof("action_specifier")
    where = f"{at}.{kind}"
    if kind == "source_cluster":
        return RateLimitAction(source_cluster=RateLimitAction.Cluster())
    if kind == "destination_cluster":
        return RateLimitAction(destination_cluster=RateLimitAction.Cluster())
    if kind == "request_headers":
        headers = action.request_headers
        name = headers.header_name.lower()
        return RateLimitAction(
            request_header=_named(name, headers.descriptor_key, optional=headers.skip_if_absent)
        )
    if kind == "query_parameters":
        query = action.query_parameters
        key = query.descriptor_key or query.query_parameter_name
        named = _named(query.query_parameter_name, key, optional=query.skip_if_absent)
        return RateLimitAction(query_parameter=named)
    if kind == "remote_address":
        return RateLimitAction(remote_address=RateLimitAction.Address())
    if kind == "masked_remote_address":
        return RateLimitAction(masked_remote_address=_mask(action.masked_remote_address))
    if kind == "generic_key":
        generic = action.generic_key
        key = generic.descriptor_key or "generic_key"
        return RateLimitAction(generic=RateLimitEntry(key=key, value=generic.descriptor_value))
    if kind in ("metadata", "dynamic_metadata"):
        return RateLimitAction(metadata=_metadata(ctx, action, where))
    if kind == "extension":
        return _computed(ctx, action.extension, f"{where}.typed_config")
    return _match(ctx, action, where)


def _computed(ctx: CompileContext, source: TypedExtensionConfig, at: str) -> RateLimitAction:
    """An entry whose value an expression gives."""
    message = ctx.unpack(source.typed_config)
    if message is None or message.DESCRIPTOR.full_name != _DESCRIPTOR:
        return RateLimitAction()
    config = cast("Descriptor", message)
    kind = config.WhichOneof("expr_specifier")
    if kind == "text":
        expression = compile_text(ctx, config.text, f"{at}.text")
    elif kind == "parsed":
        expression = compile_tree(ctx, config.parsed, f"{at}.parsed")
    else:
        ctx.error(at, "Rate limit descriptor extension failed: expression specifier is not set")
        return RateLimitAction()
    return RateLimitAction(
        computed=RateLimitAction.Computed(
            expression=expression, key=config.descriptor_key, optional=config.skip_if_error
        )
    )


def _match(ctx: CompileContext, action: Action, at: str) -> RateLimitAction:
    """An entry that there is if something matches."""
    compiled = RateLimitAction()
    kind = action.WhichOneof("action_specifier")
    if kind == "header_value_match":
        header = action.header_value_match
        compiled.headers.headers.extend(compile_headers(ctx, header.headers, f"{at}.headers"))
        compiled.headers.expected = header.expect_match.value or not header.HasField("expect_match")
        compiled.headers.entry.CopyFrom(_entry(header, "header_match"))
    elif kind == "query_parameter_value_match":
        query = action.query_parameter_value_match
        where = f"{at}.query_parameters"
        parameters = compile_query_parameters(ctx, query.query_parameters, where)
        out = compiled.query_parameters
        out.parameters.extend(parameters)
        out.expected = query.expect_match.value or not query.HasField("expect_match")
        out.entry.CopyFrom(_entry(query, "query_match"))
    elif kind == "remote_address_match":
        remote = action.remote_address_match
        ranges = cast("Sequence[CidrRange]", remote.address_matcher.ranges)
        where = f"{at}.address_matcher.ranges"
        compiled.remote_address_in.ranges.extend(compile_cidrs(ctx, ranges, where))
        compiled.remote_address_in.inverted = remote.address_matcher.invert_match
        compiled.remote_address_in.entry.CopyFrom(_entry(remote, "remote_address_match"))
    return compiled


def _named(name: str, key: str, *, optional: bool) -> RateLimitAction.Named:
    return RateLimitAction.Named(name=name, key=key, optional=optional)


def _entry(
    source: Action.HeaderValueMatch | Action.QueryParameterValueMatch | Action.RemoteAddressMatch,
    default: str,
) -> RateLimitEntry:
    return RateLimitEntry(key=source.descriptor_key or default, value=source.descriptor_value)


def _mask(source: Action.MaskedRemoteAddress) -> RateLimitAction.Mask:
    compiled = RateLimitAction.Mask()
    if source.HasField("v4_prefix_mask_len"):
        compiled.v4 = source.v4_prefix_mask_len.value
    if source.HasField("v6_prefix_mask_len"):
        compiled.v6 = source.v6_prefix_mask_len.value
    return compiled


def _metadata(ctx: CompileContext, action: Action, at: str) -> RateLimitAction.Metadata:
    source = action.metadata if action.HasField("metadata") else action.dynamic_metadata
    compiled = RateLimitAction.Metadata(
        path=_path(source.metadata_key), key=source.descriptor_key, default=source.default_value
    )
    if action.HasField("metadata"):
        kind = enum_name(action.metadata, "source")
        if kind not in _OF_METADATA:
            ctx.unimplemented(f"{at}.source", f"source {kind}", ", ".join(_OF_METADATA))
        compiled.of_route = kind == "ROUTE_ENTRY"
        compiled.optional = action.metadata.skip_if_absent
    return compiled


def _path(key: MetadataKey) -> list[str]:
    return [key.key, *(segment.key for segment in key.path)]
