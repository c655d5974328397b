"""What the bootstrap says of stats (config.metrics.v3.StatsConfig)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lateen.proxy.stats.histogram import DEFAULT_BUCKETS
from lateen.proxy.stats.tags import TagExtractor, default_rules

NameTest = Callable[[str], bool]


@dataclass(frozen=True)
class BucketSetting:
    """The buckets of histograms whose names match."""

    matches: NameTest
    buckets: tuple[float, ...]


def accept_all(_name: str) -> bool:
    """The matcher of a configuration without a stats_matcher."""
    return True


@dataclass(frozen=True)
class StatsConfig:
    """Which stats exist, how they are tagged and bucketed.

    Attributes:
        accepts: whether a stat of this name is kept.
        tags: takes tags out of names.
        bucket_settings: the first that matches a histogram counts.
        flush_interval_s: how often histograms are merged.
        flush_on_admin: merge when /stats is asked instead.
    """

    accepts: NameTest = accept_all
    tags: TagExtractor = field(default_factory=lambda: TagExtractor(default_rules()))
    bucket_settings: Sequence[BucketSetting] = ()
    flush_interval_s: float = 5.0
    flush_on_admin: bool = False

    def buckets_of(self, name: str) -> tuple[float, ...]:
        """The bucket bounds of a histogram."""
        for setting in self.bucket_settings:
            if setting.matches(name):
                return setting.buckets
        return DEFAULT_BUCKETS
