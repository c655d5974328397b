"""envoy.filters.http.header_to_metadata

Source: envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata.proto; errors as in
Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import (
    FilterOverride,
    HeaderToMetadataFilter,
    HttpFilter,
    MetadataRule,
    MetadataTarget,
)
from lateen.proxy.compile.matchers import compile_regex_rewrite
from lateen.proxy.compile.registry import HttpExtension, Override
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.values import enum_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envoy.extensions.filters.http.header_to_metadata.v3 import (
        header_to_metadata_pb2 as envoy,
    )
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_TYPE = "envoy.extensions.filters.http.header_to_metadata.v3.Config"
_NAMESPACE = "envoy.filters.http.header_to_metadata"
_TYPES = ("STRING", "NUMBER")

SUPPORT = (
    Fields(
        _TYPE, implemented="request_rules response_rules stat_prefix", category="envoy.filters.http"
    ),
    whole(f"{_TYPE}.Rule"),
    whole(f"{_TYPE}.KeyValuePair"),
)


def compile_header_to_metadata(
    ctx: CompileContext, message: Message, _owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter that makes dynamic metadata of headers and cookies."""
    config: envoy.Config = message  # type: ignore[assignment]
    return HttpFilter(header_to_metadata=_compile(ctx, config, at))


def compile_header_to_metadata_override(
    ctx: CompileContext, message: Message, out: FilterOverride, at: str
) -> None:
    """The rules of a route, in place of the filter's."""
    config: envoy.Config = message  # type: ignore[assignment]
    if not config.request_rules and not config.response_rules:
        reason = (
            "header_to_metadata_filter: Per filter configs must at least specify either request or"
            " response rules"
        )
        ctx.error(at, reason)
    out.header_to_metadata.CopyFrom(_compile(ctx, config, at))


def _compile(ctx: CompileContext, config: envoy.Config, at: str) -> HeaderToMetadataFilter:
    block = 0
    if config.stat_prefix:
        prefix = f"http_filter_name.{config.stat_prefix}"
        block = ctx.blocks.allot(BlockKind.HEADER_TO_METADATA, prefix)
    return HeaderToMetadataFilter(
        stats_block=block,
        request=_rules(ctx, config.request_rules, f"{at}.request_rules"),
        response=_rules(ctx, config.response_rules, f"{at}.response_rules"),
    )


def _rules(ctx: CompileContext, rules: Iterable[envoy.Config.Rule], at: str) -> list[MetadataRule]:
    return [_rule(ctx, rule, f"{at}[{index}]") for index, rule in enumerate(rules)]


def _rule(ctx: CompileContext, rule: envoy.Config.Rule, at: str) -> MetadataRule:
    _check(ctx, rule, at)
    compiled = MetadataRule(remove=rule.remove)
    if rule.header:
        compiled.header = rule.header.lower()
    else:
        compiled.cookie = rule.cookie
    if rule.HasField("on_header_present"):
        target = _target(ctx, rule.on_header_present, f"{at}.on_header_present")
        compiled.present.CopyFrom(target)
    if rule.HasField("on_header_missing"):
        target = _target(ctx, rule.on_header_missing, f"{at}.on_header_missing")
        # Envoy rewrites with the pattern of what is present alone, and what is missing has a value.
        target.ClearField("rewrite")
        compiled.missing.CopyFrom(target)
    return compiled


def _check(ctx: CompileContext, rule: envoy.Config.Rule, at: str) -> None:
    present = rule.on_header_present
    if rule.cookie and rule.header:
        ctx.error(at, "Cannot specify both header and cookie in the same rule")
    if not rule.cookie and not rule.header:
        ctx.error(at, "One of Cookie or Header option needs to be specified")
    if not rule.HasField("on_header_present") and not rule.HasField("on_header_missing"):
        source = f"cookie '{rule.cookie}'" if rule.cookie else f"header '{rule.header}'"
        reason = (
            f"header to metadata filter: rule for {source} has neither `on_header_present` nor"
            " `on_header_missing` set"
        )
        ctx.error(at, reason)
    if present.value and present.HasField("regex_value_rewrite"):
        where = f"{at}.on_header_present"
        ctx.error(where, "Cannot specify both value and regex_value_rewrite")
    if rule.cookie and rule.remove:
        ctx.error(f"{at}.remove", "Cannot specify remove for cookie")
    if rule.HasField("on_header_missing") and not rule.on_header_missing.value:
        where = f"{at}.on_header_missing"
        ctx.error(where, "Cannot specify on_header_missing rule with an empty value")


def _target(ctx: CompileContext, pair: envoy.Config.KeyValuePair, at: str) -> MetadataTarget:
    kind = enum_name(pair, "type")
    if kind not in _TYPES:
        ctx.unimplemented(f"{at}.type", f"type {kind}", ", ".join(_TYPES))
    compiled = MetadataTarget(
        namespace=pair.metadata_namespace or _NAMESPACE,
        key=pair.key,
        value=pair.value,
        number=kind == "NUMBER",
        base64=enum_name(pair, "encode") == "BASE64",
    )
    if pair.HasField("regex_value_rewrite"):
        where = f"{at}.regex_value_rewrite"
        compiled.rewrite.CopyFrom(compile_regex_rewrite(ctx, pair.regex_value_rewrite, where))
    return compiled


EXTENSION = HttpExtension(
    "envoy.filters.http.header_to_metadata",
    _TYPE,
    compile_header_to_metadata,
    SUPPORT,
    Override(_TYPE, compile_header_to_metadata_override),
)
