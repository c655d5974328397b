"""Istio's standard metrics, of requests and of connections: istio.stats

Source: contrib/envoy/extensions/filters/http/istio_stats/v3/istio_stats.proto, and the filter of
Envoy's contrib/istio.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import IstioStatsFilter
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.values import milliseconds
from lateen.proxy.compile.workload import Workload

if TYPE_CHECKING:
    from contrib.envoy.extensions.filters.http.istio_stats.v3 import istio_stats_pb2 as envoy

    from lateen.proxy.compile.context import CompileContext

TYPE = "stats.PluginConfig"

_FOR_EVER = "what was counted stays for as long as the filter"
SUPPORT = (
    Fields(
        TYPE,
        implemented="disable_host_header_fallback tcp_reporting_duration metrics reporter",
        harmless={
            "rotation_interval": _FOR_EVER,
            "graceful_deletion_interval": _FOR_EVER,
        },
        rejected={"definitions": "there are the standard metrics alone"},
    ),
    Fields(
        "stats.MetricConfig",
        implemented="dimensions name tags_to_remove drop",
        harmless={"match": "Istio does not look at it either"},
    ),
)

METRICS = (
    "requests_total",
    "request_duration_milliseconds",
    "request_bytes",
    "response_bytes",
    "request_messages_total",
    "response_messages_total",
    "tcp_connections_opened_total",
    "tcp_connections_closed_total",
    "tcp_sent_bytes_total",
    "tcp_received_bytes_total",
)
_OF_A_SIDE = (
    "workload",
    "workload_namespace",
    "principal",
    "app",
    "version",
    "canonical_service",
    "canonical_revision",
    "cluster",
)
TAGS = frozenset(
    (
        "reporter",
        *(f"source_{each}" for each in _OF_A_SIDE),
        *(f"destination_{each}" for each in _OF_A_SIDE),
        "destination_service",
        "destination_service_name",
        "destination_service_namespace",
        "request_protocol",
        "response_flags",
        "connection_security_policy",
        "response_code",
        "grpc_response_status",
    )
)

_REPORTING_MS = 5000
_QUOTED = re.compile(r"""'([^'\\]*)'|"([^"\\]*)\"""")

# What a metric has in place of a standard tag, or beside those; None: it does not have the tag.
_Changes = dict[str, str | None]


def compile_metrics(ctx: CompileContext, config: envoy.PluginConfig, at: str) -> IstioStatsFilter:
    """What a filter tells of requests or connections."""
    workload = Workload.of(ctx.node)
    reporting_ms = _REPORTING_MS
    if config.HasField("tcp_reporting_duration"):
        reporting_ms = milliseconds(config.tcp_reporting_duration)
    return IstioStatsFilter(
        stats_block=ctx.blocks.allot(
            BlockKind.ISTIO, "istiocustom", {"tag": workload.istio_version or "unknown"}
        ),
        workload=workload.for_metrics(),
        gateway=config.reporter != 0,
        disable_host_header_fallback=config.disable_host_header_fallback,
        reporting_interval_ms=reporting_ms,
        metrics=_changed(ctx, config.metrics, f"{at}.metrics"),
    )


def _changed(
    ctx: CompileContext, changes: Iterable[envoy.MetricConfig], at: str
) -> list[IstioStatsFilter.Metric]:
    """The metrics that differ from the standard; of two changes of a tag the later one counts."""
    dropped: set[str] = set()
    changed: dict[str, _Changes] = {name: {} for name in METRICS}
    for index, change in enumerate(changes):
        where = f"{at}[{index}]"
        if change.name and change.name not in METRICS:
            ctx.warning(f"{where}.name", f"there is no metric {change.name}: it has no effect")
        elif change.drop:
            dropped.update([change.name] if change.name else [])
        else:
            tags = _tags(ctx, change, where)
            for name in [change.name] if change.name else METRICS:
                changed[name] |= tags
    return [
        IstioStatsFilter.Metric(
            name=name,
            drop=name in dropped,
            removed=sorted(tag for tag, value in tags.items() if value is None),
            tags=[
                IstioStatsFilter.Tag(name=tag, value=value)
                for tag, value in sorted(tags.items())
                if value is not None
            ],
        )
        for name, tags in changed.items()
        if tags or name in dropped
    ]


def _tags(ctx: CompileContext, change: envoy.MetricConfig, at: str) -> _Changes:
    tags: _Changes = {}
    for index, tag in enumerate(change.tags_to_remove):
        if tag in TAGS:
            tags[tag] = None
        else:
            ctx.warning(f"{at}.tags_to_remove[{index}]", f"{tag} is no standard tag")
    for tag in sorted(change.dimensions):
        expression = change.dimensions[tag]
        quoted = _QUOTED.fullmatch(expression.strip())
        if quoted is None:
            where = f"{at}.dimensions[{tag}]"
            ctx.unimplemented(where, f"the expression {expression!r}", "a text in quotes")
        else:
            tags[tag] = quoted[1] if quoted[1] is not None else quoted[2]
    return tags
