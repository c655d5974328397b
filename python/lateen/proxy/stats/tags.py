"""Tags: the variable parts of a stat's name, taken out of it (config.metrics.v3.StatsConfig).

Each rule looks at the whole name; what the rules remove is cut out at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

# The tags that Envoy knows, in the order in which it takes them. A pattern's first group is cut
# out of the name, its last group is the tag's value.
_DEFAULTS: tuple[tuple[str, str], ...] = (
    ("envoy.response_code", r"_rq(_(\d{3}))$"),
    ("envoy.response_code_class", r"_rq_((\d))xx$"),
    ("envoy.grpc_bridge_method", r"^cluster\.[^.]+\.grpc\.[^.]+\.(([^.]+)\.).+"),
    ("envoy.http_user_agent", r"^http\.[^.]+\.user_agent\.(([^.]+)\.).+"),
    ("envoy.virtual_cluster", r"^vhost\.[^.]+\.vcluster\.(([^.]+)\.).+"),
    ("envoy.route", r"^vhost\.[^.]+\.route\.(([^.]+)\.).+"),
    ("envoy.fault_downstream_cluster", r"^http\.[^.]+\.fault\.(([^.]+)\.).+"),
    ("envoy.ssl_cipher", r"^listener\..*?\.ssl\.cipher(\.(.*?))$"),
    ("cipher_suite", r"^cluster\.[^.]+\.ssl\.ciphers(\.([^.]+))$"),
    ("envoy.grpc_bridge_service", r"^cluster\.[^.]+\.grpc\.(([^.]+)\.).+"),
    ("envoy.local_http_ratelimit_prefix", r"^(([^.]+)\.)http_local_rate_limit\..+"),
    ("envoy.rbac_policy_name", r"^http\.[^.]+\.rbac\.(?:[^.]+\.)?policy\.(([^.]+)\.).+"),
    ("envoy.rbac_http_prefix", r"^http\.[^.]+\.rbac\.((?!policy\.)([^.]+)\.).+"),
    ("envoy.tcp_prefix", r"^tcp\.(([^.]+)\.).+"),
    ("envoy.udp_prefix", r"^udp\.(([^.]+)\.).+"),
    ("envoy.clientssl_prefix", r"^auth\.clientssl\.(([^.]+)\.).+"),
    ("envoy.ratelimit_prefix", r"^ratelimit\.(([^.]+)\.).+"),
    ("envoy.health_check_name", r"^cluster\.[^.]+\.health_check\.(name\.([^.]+)\.).+"),
    ("envoy.cluster_name", r"^cluster\.(([^.]+)\.).+"),
    ("envoy.http_conn_manager_prefix", r"^listener\..*?\.http\.((.*?)\.)"),
    ("envoy.http_conn_manager_prefix", r"^http\.(([^.]+)\.).+"),
    (
        "envoy.worker_id",
        r"^(?:listener\..*?|server|listener_manager|thread_local_cluster_manager)\.worker(_(\d+))\.",
    ),
    ("envoy.listener_address", r"^listener\.((\[?[_.\d:a-fA-F\]]*?_\d+|[_.\d]+)\.)"),
    ("envoy.virtual_host", r"^vhost\.(([^.]+)\.).+"),
    ("envoy.rds_route_config", r"^http\.[^.]+\.rds\.((.*?)\.)\w+?$"),
    ("envoy.scoped_rds_config", r"^http\.[^.]+\.scoped_rds\.((.*?)\.)\w+?$"),
)


class Tag(NamedTuple):
    """A tag of a stat, such as `envoy.cluster_name` = `be`."""

    name: str
    value: str


class TaggedName(NamedTuple):
    """A stat's name without its tags' values, and the tags."""

    name: str
    tags: tuple[Tag, ...]


class TagRuleError(Exception):
    """A tag rule of the configuration cannot be used; the message says why."""


class NoGroupError(TagRuleError):
    """A regular expression without a group: Envoy accepts it, and it has no effect."""


@dataclass(frozen=True)
class TagRule:
    """Takes one tag: `pattern`'s first group is removed, its second (or the first) is the value."""

    name: str
    pattern: re.Pattern[str]
    # The first part of every name that it can match; "": any.
    family: str = ""

    @classmethod
    def of(cls, name: str, regex: str) -> TagRule:
        """Compiles a rule.

        Raises:
            TagRuleError: the regular expression is none.
            NoGroupError: it has no group, so that it never takes a tag.
        """
        try:
            pattern = re.compile(regex)
        except re.error as error:
            raise TagRuleError(f"invalid regex of tag {name!r}: {error}") from None
        if not pattern.groups:
            raise NoGroupError(f"the regex of tag {name!r} has no capture group")
        family = re.match(r"\^(\w+)\\\.", regex)
        return cls(name, pattern, family[1] if family else "")


class TagExtractor:
    """Applies tag rules, in order; a tag is taken once."""

    def __init__(self, rules: Iterable[TagRule], fixed: Sequence[Tag] = ()) -> None:
        self._fixed = tuple(fixed)
        self._rules = list(rules)
        self._by_family: dict[str, list[TagRule]] = {}

    def extract(self, name: str) -> TaggedName:
        """The name without what the tags took, and the tags: fixed ones first."""
        tags: list[Tag] = list(self._fixed)
        taken = set()
        cuts: list[tuple[int, int]] = []
        for rule in self._rules_for(name):
            if rule.name in taken:
                continue
            match = rule.pattern.search(name)
            if match is None:
                continue
            value = match[2] if rule.pattern.groups > 1 else match[1]
            if value is None or match[1] is None:
                continue
            taken.add(rule.name)
            tags.append(Tag(rule.name, value))
            cuts.append(match.span(1))
        return TaggedName(_without(name, cuts), tuple(tags))

    def _rules_for(self, name: str) -> list[TagRule]:
        family = name.partition(".")[0]
        rules = self._by_family.get(family)
        if rules is None:
            rules = [rule for rule in self._rules if rule.family in ("", family)]
            self._by_family[family] = rules
        return rules


def _without(name: str, cuts: list[tuple[int, int]]) -> str:
    if not cuts:
        return name
    kept = []
    position = 0
    for start, end in sorted(cuts):
        kept.append(name[position : max(start, position)])
        position = max(end, position)
    kept.append(name[position:])
    return "".join(kept)


def default_rules() -> list[TagRule]:
    """Envoy's own tags (`use_all_default_tags`)."""
    return [TagRule.of(name, regex) for name, regex in _DEFAULTS]


def default_rules_of(name: str) -> list[TagRule]:
    """Envoy's rules for one tag, which `stats_tags` may name without a regex; [] when unknown."""
    return [TagRule.of(known, regex) for known, regex in _DEFAULTS if known == name]
