"""What a Telemetry must be.

Source: Istio pkg/config/validation/validation.go ValidateTelemetry; CRD rules of
istio/api telemetry/v1alpha1/telemetry.proto.
"""

from __future__ import annotations

from lateen.control.resources.checks.cel import expression_problem
from lateen.control.resources.checks.selectors import check_attachment
from lateen.control.resources.checks.values import check_duration
from lateen.control.resources.field import Field
from lateen.control.resources.meta import Resource
from lateen.control.resources.telemetry import Metrics, TagOverride, Telemetry, Tracing


def check_telemetry(resource: Resource[Telemetry], at: Field) -> None:
    """Note what is wrong with it."""
    telemetry = resource.spec
    check_attachment(at, telemetry)
    if len(telemetry.tracing) > 1:
        (at / "tracing").warn("only the first is used", "leave one")
    for place, tracing in (at / "tracing").each(telemetry.tracing):
        _check_tracing(place, tracing)
    for place, metrics in (at / "metrics").each(telemetry.metrics):
        _check_metrics(place, metrics)
    for place, logging in (at / "accessLogging").each(telemetry.access_logging):
        if logging.filter is not None:
            problem = expression_problem(logging.filter.expression)
            if problem:
                expression = place / "filter" / "expression"
                expression.error(f"no expression of CEL: {problem}", "as response.code >= 400")


def _check_tracing(at: Field, tracing: Tracing) -> None:
    if len(tracing.providers) > 1:
        (at / "providers").warn("only the first is used", "leave one")
    for place, name, _ in (at / "customTags").entries(tracing.custom_tags):
        if not name:
            place.error("a tag without a name", "remove it")
        place.at_most_one("literal", "environment", "header", "formatter")


def _check_metrics(at: Field, metrics: Metrics) -> None:
    check_duration(at / "reportingInterval", metrics.reporting_interval)
    for place, override in (at / "overrides").each(metrics.overrides):
        (place / "match").at_most_one("metric", "customMetric")
        for tag_place, name, tag in (place / "tagOverrides").entries(override.tag_overrides):
            if not name:
                tag_place.warn("a tag without a name", "remove it")
            _check_tag(tag_place, tag)


def _check_tag(at: Field, tag: TagOverride) -> None:
    if tag.operation == "UPSERT" and not tag.value:
        (at / "value").error("UPSERT sets a value, and there is none", "set value")
    if tag.operation == "REMOVE" and (at / "value").written:
        (at / "value").error("REMOVE has no value", "remove it")
