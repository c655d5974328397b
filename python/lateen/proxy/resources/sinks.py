"""Puts stats sinks together with what brings their messages to services."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.protos import envoy_types
from lateen.protos.metrics_pb2 import Node, StreamMetricsMessage
from lateen.proxy.compile.stats_sink_plans import MetricsServicePlan, OtlpPost, StatsdPlan
from lateen.proxy.stats.metrics_service import MetricsServiceSink
from lateen.proxy.stats.otlp import OpenTelemetrySink
from lateen.proxy.stats.statsd import StatsdSink
from lateen.proxy.xds.bootstrap import BootstrapSources
from lateen.proxy.xds.grpc_source import target_of
from lateen.proxy.xds.outbox import STATS, Carrier, Outbox, StreamCarrier, UnaryCarrier
from lateen.proxy.xds.post_carrier import PostCarrier
from lateen.proxy.xds.subscriptions import Surroundings

if TYPE_CHECKING:
    from envoy.config.core.v3.grpc_service_pb2 import GrpcService

    from lateen.proxy.compile.stats_sink_plans import OpenTelemetryPlan, SinkPlan
    from lateen.proxy.log.logger import Log
    from lateen.proxy.prepare import Prepared
    from lateen.proxy.stats.main_thread import MainThreadStats
    from lateen.proxy.stats.sink import StatsSink

_METRICS = "/envoy.service.metrics.v3.MetricsService/StreamMetrics"
_OTLP = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
_GRPC_SERVICE = "envoy.config.core.v3.GrpcService"
_TIMEOUT_S = 10.0


def open_sinks(prepared: Prepared, stats: MainThreadStats, log: Log) -> list[StatsSink]:
    """The sinks of a bootstrap; nothing is sent yet.

    Raises:
        SourceError: a service cannot be reached as configured.
    """
    around = Surroundings(BootstrapSources(prepared.config.bootstrap), stats, log)
    return [_open(plan, prepared, around) for plan in prepared.stats_sinks]


def _open(plan: SinkPlan, prepared: Prepared, around: Surroundings) -> StatsSink:
    if isinstance(plan, StatsdPlan):
        return StatsdSink(plan, prepared.stats.tags)
    if isinstance(plan, MetricsServicePlan):
        target = target_of(_service(plan.service), around)
        carrier = StreamCarrier(target, _METRICS, _identifier(plan.node))
        return MetricsServiceSink(plan, prepared.stats, _outbox(carrier, around))
    return OpenTelemetrySink(plan, prepared.stats, _outbox(_otlp_carrier(plan, around), around))


def _otlp_carrier(plan: OpenTelemetryPlan, around: Surroundings) -> Carrier:
    if isinstance(plan.service, OtlpPost):
        return PostCarrier(plan.service, plan.cluster, around)
    service = _service(plan.service)
    timeout_s = service.timeout.ToMilliseconds() / 1000 or _TIMEOUT_S
    return UnaryCarrier(target_of(service, around), _OTLP, timeout_s)


def _outbox(carrier: Carrier, around: Surroundings) -> Outbox:
    stats = around.stats.open("stats_sinks", STATS)
    return Outbox(carrier, stats, around.log, around.random)


def _service(serialized: bytes) -> GrpcService:
    found = envoy_types().message_class(_GRPC_SERVICE).FromString(serialized)
    return cast("GrpcService", found)


def _identifier(node: bytes) -> bytes:
    """The field of a message that says who sends it."""
    identifier = StreamMetricsMessage.Identifier(node=Node.FromString(node))
    return StreamMetricsMessage(identifier=identifier).SerializeToString()
