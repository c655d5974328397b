"""Telemetry: access logs, metrics and traces of workloads.

Source: istio/api telemetry/v1alpha1/telemetry.proto.
"""

from __future__ import annotations

from typing import Literal

from lateen.control.resources.meta import Strict
from lateen.control.resources.scalars import Duration, Percentage, Text
from lateen.control.resources.selectors import LabelSelector, PolicyTargetReference

Workload = Literal["CLIENT_AND_SERVER", "CLIENT", "SERVER"]
IstioMetric = Literal[
    "ALL_METRICS",
    "REQUEST_COUNT",
    "REQUEST_DURATION",
    "REQUEST_SIZE",
    "RESPONSE_SIZE",
    "TCP_OPENED_CONNECTIONS",
    "TCP_CLOSED_CONNECTIONS",
    "TCP_SENT_BYTES",
    "TCP_RECEIVED_BYTES",
    "GRPC_REQUEST_MESSAGES",
    "GRPC_RESPONSE_MESSAGES",
]


class ProviderRef(Strict, frozen=True):
    """A provider of the mesh's configuration."""

    name: Text


class TracingSelector(Strict, frozen=True):
    """Which side of a call is traced."""

    mode: Workload = "CLIENT_AND_SERVER"


class FixedValue(Strict, frozen=True):
    """A tag's fixed value."""

    value: Text


class Environment(Strict, frozen=True):
    """A tag's value from the proxy's environment."""

    name: Text
    default_value: str = ""


class RequestHeader(Strict, frozen=True):
    """A tag's value from a header."""

    name: Text
    default_value: str = ""


class Formatter(Strict, frozen=True):
    """A tag's value by command operators of access logs."""

    value: Text


class CustomTag(Strict, frozen=True):
    """Where a tag's value comes from."""

    literal: FixedValue | None = None
    environment: Environment | None = None
    header: RequestHeader | None = None
    formatter: Formatter | None = None


class Tracing(Strict, frozen=True):
    """How requests are traced."""

    match: TracingSelector | None = None
    providers: tuple[ProviderRef, ...] = ()
    random_sampling_percentage: Percentage | None = None
    disable_span_reporting: bool | None = None
    custom_tags: dict[str, CustomTag] = {}
    use_request_id_for_trace_sampling: bool | None = None
    enable_istio_tags: bool | None = None
    disable_context_propagation: bool | None = None


class MetricSelector(Strict, frozen=True):
    """Which metric, on which side of a call."""

    metric: IstioMetric | None = None
    custom_metric: Text | None = None
    mode: Workload = "CLIENT_AND_SERVER"


class TagOverride(Strict, frozen=True):
    """What becomes of a tag."""

    operation: Literal["UPSERT", "REMOVE"] = "UPSERT"
    value: str = ""


class MetricOverride(Strict, frozen=True):
    """What becomes of a metric."""

    match: MetricSelector | None = None
    disabled: bool | None = None
    tag_overrides: dict[str, TagOverride] = {}


class Metrics(Strict, frozen=True):
    """Which metrics there are."""

    providers: tuple[ProviderRef, ...] = ()
    overrides: tuple[MetricOverride, ...] = ()
    reporting_interval: Duration | None = None


class LogSelector(Strict, frozen=True):
    """Which side of a call is logged."""

    mode: Workload = "CLIENT_AND_SERVER"


class LogFilter(Strict, frozen=True):
    """Which requests are logged, as an expression of CEL."""

    expression: str = ""


class AccessLogging(Strict, frozen=True):
    """Which access logs there are."""

    match: LogSelector | None = None
    providers: tuple[ProviderRef, ...] = ()
    disabled: bool | None = None
    filter: LogFilter | None = None


class Telemetry(Strict, frozen=True):
    """What `spec` holds."""

    selector: LabelSelector | None = None
    target_ref: PolicyTargetReference | None = None
    target_refs: tuple[PolicyTargetReference, ...] = ()
    tracing: tuple[Tracing, ...] = ()
    metrics: tuple[Metrics, ...] = ()
    access_logging: tuple[AccessLogging, ...] = ()
