"""Stats of workers whose tags are no parts of their names: those of Istio's metrics.

A worker names such a counter by its tags, each after a mark, and the metric at the end. In Envoy
the whole name is the metric followed by tags and values.
"""

from __future__ import annotations

from lateen.proxy.stats.tags import Tag, TaggedName

# As crates/core/src/mesh/metrics/tags.rs writes them.
_TAG = "\x1f"
_VALUE = "\x1e"


def has_tags(name: str) -> bool:
    """Whether `name` is one that a worker made of tags."""
    return _TAG in name


def read(name: str) -> tuple[str, TaggedName]:
    """The whole name, and the metric with its tags, of a worker's name after its block's prefix."""
    prefix, _, rest = name.partition(_TAG)
    text, _, metric = rest.rpartition(".")
    tags = tuple(Tag(*each.split(_VALUE, 1)) for each in text.split(_TAG))
    return whole(prefix + metric, tags), TaggedName(prefix + metric, tags)


def whole(name: str, tags: tuple[Tag, ...]) -> str:
    """The name of a stat with these tags; what is empty leaves no trace."""
    return ".".join([name, *(part for tag in tags for part in tag if part)])


def write(tagged: TaggedName) -> str:
    """What `read` reads, for a process that goes on with the stats of this one."""
    prefix, dot, metric = tagged.name.rpartition(".")
    tags = "".join(f"{_TAG}{tag.name}{_VALUE}{tag.value}" for tag in tagged.tags)
    return f"{prefix}{dot}{tags}.{metric}"
