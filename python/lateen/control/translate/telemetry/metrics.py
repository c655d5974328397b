"""Istio's metrics of requests and connections.

Source: pilot/pkg/model/telemetry.go mergeMetrics, generateStatsConfig.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Build, Proxy
from lateen.control.resources.telemetry import (
    MetricOverride,
    Metrics,
    MetricSelector,
    TagOverride,
)
from lateen.control.translate.telemetry.applicable import Side, applicable, is_about, names
from lateen.control.translate.values import Json, duration

NAMES = {
    "REQUEST_COUNT": "requests_total",
    "REQUEST_DURATION": "request_duration_milliseconds",
    "REQUEST_SIZE": "request_bytes",
    "RESPONSE_SIZE": "response_bytes",
    "TCP_OPENED_CONNECTIONS": "tcp_connections_opened_total",
    "TCP_CLOSED_CONNECTIONS": "tcp_connections_closed_total",
    "TCP_SENT_BYTES": "tcp_sent_bytes_total",
    "TCP_RECEIVED_BYTES": "tcp_received_bytes_total",
    "GRPC_REQUEST_MESSAGES": "request_messages_total",
    "GRPC_RESPONSE_MESSAGES": "response_messages_total",
}
_ALL = "ALL_METRICS"


@dataclass
class Override:
    """What becomes of one metric.

    Attributes:
        disabled: it is not counted.
        tags: by name.
    """

    disabled: bool = False
    tags: dict[str, TagOverride] = field(default_factory=dict)


def stats(mesh: Mesh, proxy: Proxy, side: Side) -> dict[str, Json] | None:
    """The configuration of `istio.stats` as JSON; None: nothing is counted.

    A proxy that knows no expressions is told tags with a fixed value alone.
    """
    entries = [entry for one in applicable(mesh, proxy) for entry in one.metrics]
    overrides = _overrides(mesh, entries, side)
    if overrides is None:
        return None
    made: dict[str, Json] = {"disable_host_header_fallback": side == "SERVER"}
    intervals = [one.reporting_interval for one in entries if one.reporting_interval is not None]
    if intervals:
        made["tcp_reporting_duration"] = duration(intervals[-1]).ToJsonString()
    metrics: list[Json] = []
    for name in sorted(overrides):
        one = _metric(name, overrides[name], fixed=proxy.build is not Build.ISTIO)
        metrics += [one] if len(one) > 1 else []
    if metrics:
        made["metrics"] = metrics
    return made


def _overrides(mesh: Mesh, entries: list[Metrics], side: Side) -> dict[str, Override] | None:
    """What is said of metrics, by name; None: the provider that counts is not in force."""
    above = mesh.config.default_providers.metrics
    in_force = next((names(one.providers) for one in reversed(entries) if one.providers), above)
    counting = {name for name in in_force if _counts(mesh, name)}
    if not counting:
        return None
    found: defaultdict[str, Override] = defaultdict(Override)
    off = False
    for entry in entries:
        above = names(entry.providers) or above
        if counting.isdisjoint(above):
            continue
        for override in entry.overrides:
            if is_about(override.match, side):
                off = bool(override.disabled) and _is_of_all(override.match)
                if not off:
                    _apply(found, override)
    return None if off else dict(found)


def _counts(mesh: Mesh, name: str) -> bool:
    provider = mesh.config.provider(name)
    return provider is not None and provider.prometheus is not None


def _apply(found: defaultdict[str, Override], said: MetricOverride) -> None:
    for name in _named(said.match):
        one = found[name]
        if said.disabled is not None:
            one.disabled = said.disabled
        one.tags |= said.tag_overrides


def _is_of_all(selector: MetricSelector | None) -> bool:
    if selector is None:
        return True
    return selector.custom_metric is None and selector.metric in (None, _ALL)


def _named(selector: MetricSelector | None) -> Iterator[str]:
    """The metrics that a selector is about."""
    if selector is None or _is_of_all(selector):
        yield from NAMES.values()
    elif selector.custom_metric is not None:
        yield selector.custom_metric
    elif selector.metric is not None:
        yield NAMES[selector.metric]


def _metric(name: str, said: Override, *, fixed: bool) -> dict[str, Json]:
    made: dict[str, Json] = {"name": name}
    if said.disabled:
        made["drop"] = True
    removed = sorted(tag for tag, one in said.tags.items() if one.operation == "REMOVE")
    set_: dict[str, Json] = {
        tag: one.value
        for tag, one in sorted(said.tags.items())
        if one.operation == "UPSERT" and (not fixed or _is_fixed(one.value))
    }
    if removed:
        made["tags_to_remove"] = [*removed]
    if set_:
        made["dimensions"] = set_
    return made


def _is_fixed(value: str) -> bool:
    """Whether an expression is a text in quotes."""
    return len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
