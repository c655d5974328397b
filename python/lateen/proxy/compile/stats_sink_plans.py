"""Where stats are sent to: what the sinks of a bootstrap come to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StatsdPlan:
    """Stats as lines of text in datagrams.

    Attributes:
        address: host and port of UDP, or the path of a unix socket.
        prefix: begins every name.
        tags: whether tags are taken out of names and sent apart.
        datagram_bytes: how many bytes of lines share a datagram; 0: a line has one of its own.
    """

    address: tuple[str, int] | str
    prefix: str
    tags: bool = False
    datagram_bytes: int = 0


@dataclass(frozen=True)
class MetricsServicePlan:
    """Stats as metric families on a stream.

    Attributes:
        cluster: that the service is in; "" for one that is in none.
        service: a serialized GrpcService.
        node: a serialized core.v3.Node: who sends.
        deltas: whether counters tell what was counted since they were last sent.
        labels: whether tags are taken out of names and sent apart.
        summaries: whether histograms are sent as quantiles.
        histograms: whether they are sent as buckets.
        batch_size: how many families a message has at most; 0: all.
    """

    cluster: str
    service: bytes
    node: bytes
    deltas: bool = False
    labels: bool = False
    summaries: bool = True
    histograms: bool = True
    batch_size: int = 0


@dataclass(frozen=True)
class OpenTelemetryPlan:
    """Stats as metrics of OpenTelemetry.

    Attributes:
        cluster: that the service is in; "" for one that is in none.
        service: a serialized GrpcService, or the HTTP service.
        resource: what the metrics are about: keys and values.
        counter_deltas: whether counters tell what was counted since they were last sent.
        histogram_deltas: the same of histograms.
        tags: whether tags are sent as attributes.
        short_names: whether tags are taken out of names.
        prefix: begins every name.
        points_per_request: how many data points a request has at most; 0: all.
    """

    cluster: str
    service: bytes | OtlpPost
    resource: tuple[tuple[str, str], ...] = ()
    counter_deltas: bool = False
    histogram_deltas: bool = False
    tags: bool = True
    short_names: bool = True
    prefix: str = ""
    points_per_request: int = 0


@dataclass(frozen=True)
class OtlpPost:
    """Where OTLP over HTTP goes.

    Attributes:
        authority: of the requests.
        path: of the requests.
        headers: of the requests, beside those of the protocol.
        timeout_s: for each.
    """

    authority: str
    path: str
    headers: tuple[tuple[str, str], ...]
    timeout_s: float


SinkPlan = StatsdPlan | MetricsServicePlan | OpenTelemetryPlan
