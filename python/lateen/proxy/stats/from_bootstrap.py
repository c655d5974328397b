"""Reads stats_config and the flush interval of a bootstrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.proxy.compile.matchers import compile_string
from lateen.proxy.stats.config import BucketSetting, NameTest, StatsConfig, accept_all
from lateen.proxy.stats.tags import (
    NoGroupError,
    Tag,
    TagExtractor,
    TagRule,
    TagRuleError,
    default_rules,
    default_rules_of,
)
from lateen.proxy.string_match import string_test

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap
    from envoy.config.metrics.v3.stats_pb2 import StatsConfig as StatsConfigMessage
    from envoy.config.metrics.v3.stats_pb2 import StatsMatcher
    from envoy.type.matcher.v3.string_pb2 import ListStringMatcher

    from lateen.proxy.compile.context import CompileContext

_DEFAULT_FLUSH_S = 5.0


def compile_stats_config(
    ctx: CompileContext, bootstrap: Bootstrap, cli_tags: Sequence[str] = ()
) -> StatsConfig:
    """The settings of stats; problems are reported to the context.

    Args:
        ctx: where problems are reported.
        bootstrap: the configuration.
        cli_tags: `--stats-tag`, each a `tag:value`.
    """
    source = bootstrap.stats_config
    interval = bootstrap.stats_flush_interval
    fixed = [Tag(*tag.split(":", 1)) for tag in cli_tags]
    return StatsConfig(
        accepts=_accepts(ctx, source.stats_matcher, "stats_config.stats_matcher"),
        tags=_tags(ctx, source, fixed),
        bucket_settings=_buckets(ctx, source),
        flush_interval_s=interval.seconds + interval.nanos / 1e9
        if bootstrap.HasField("stats_flush_interval")
        else _DEFAULT_FLUSH_S,
        flush_on_admin=bootstrap.stats_flush_on_admin,
    )


def _tags(ctx: CompileContext, source: StatsConfigMessage, fixed: list[Tag]) -> TagExtractor:
    use_defaults = not source.HasField("use_all_default_tags") or source.use_all_default_tags.value
    rules = default_rules() if use_defaults else []
    for index, specifier in enumerate(source.stats_tags):
        at = f"stats_config.stats_tags[{index}]"
        if not specifier.tag_name:
            ctx.error(at, "tag_name cannot be empty")
        elif specifier.WhichOneof("tag_value") == "fixed_value":
            fixed.append(Tag(specifier.tag_name, specifier.fixed_value))
        elif specifier.regex:
            try:
                rules.append(TagRule.of(specifier.tag_name, specifier.regex))
            except NoGroupError as error:
                ctx.warning(f"{at}.regex", str(error), "put what is the tag in parentheses")
            except TagRuleError as error:
                ctx.error(f"{at}.regex", str(error))
        elif not (found := default_rules_of(specifier.tag_name)):
            ctx.error(
                at,
                "No regex specified for tag specifier and no default regex for name:"
                f" '{specifier.tag_name}'",
            )
        elif not use_defaults:
            rules += found
    return TagExtractor(rules, fixed)


def _accepts(ctx: CompileContext, matcher: StatsMatcher, at: str) -> NameTest:
    kind = matcher.WhichOneof("stats_matcher")
    if kind == "reject_all":
        rejects = matcher.reject_all
        return lambda _: not rejects
    if kind == "exclusion_list":
        excluded = _any_of(ctx, matcher.exclusion_list, f"{at}.exclusion_list")
        return lambda name: not excluded(name)
    if kind == "inclusion_list":
        return _any_of(ctx, matcher.inclusion_list, f"{at}.inclusion_list")
    return accept_all


def _any_of(ctx: CompileContext, matchers: ListStringMatcher, at: str) -> NameTest:
    tests = [
        string_test(compile_string(ctx, matcher, f"{at}.patterns[{index}]"))
        for index, matcher in enumerate(matchers.patterns)
    ]
    return lambda name: any(test(name) for test in tests)


def _buckets(ctx: CompileContext, source: StatsConfigMessage) -> list[BucketSetting]:
    return [
        BucketSetting(
            string_test(
                compile_string(
                    ctx, setting.match, f"stats_config.histogram_bucket_settings[{index}].match"
                )
            ),
            tuple(setting.buckets),
        )
        for index, setting in enumerate(source.histogram_bucket_settings)
        if setting.buckets
    ]
