import pytest

from tests.support.manifests import checked


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("accessLogging: [{providers: [{name: a}], filter: {expression: 'a == b'}}]", []),
        ("tracing: [{customTags: {a: {literal: {value: b}}}, randomSamplingPercentage: 100}]", []),
        ("metrics: [{overrides: [{tagOverrides: {a: {operation: REMOVE}, b: {value: c}}}]}]", []),
        ("tracing: [{}, {}]", ["warning spec.tracing"]),
        ("tracing: [{providers: [{name: a}, {name: b}]}]", ["warning spec.tracing[0].providers"]),
        ("tracing: [{providers: [{name: ''}]}]", ["error spec.tracing[0].providers[0].name"]),
        (
            "tracing: [{randomSamplingPercentage: 101}]",
            ["error spec.tracing[0].randomSamplingPercentage"],
        ),
        (
            "tracing: [{customTags: {'': {literal: {value: b}}}}]",
            ["error spec.tracing[0].customTags."],
        ),
        (
            "tracing: [{customTags: {a: {literal: {value: b}, header: {name: c}}}}]",
            ["error spec.tracing[0].customTags.a"],
        ),
        (
            "tracing: [{customTags: {a: {literal: {value: ''}}}}]",
            ["error spec.tracing[0].customTags.a.literal.value"],
        ),
        (
            "tracing: [{customTags: {a: {header: {name: ''}}}}]",
            ["error spec.tracing[0].customTags.a.header.name"],
        ),
        ("accessLogging: [{providers: [{}]}]", ["error spec.accessLogging[0].providers[0]"]),
        (
            "accessLogging: [{filter: {expression: ''}}]",
            ["error spec.accessLogging[0].filter.expression"],
        ),
        (
            "accessLogging: [{filter: {expression: 'a ='}}]",
            ["error spec.accessLogging[0].filter.expression"],
        ),
        ("accessLogging: [{match: {mode: X}}]", ["error spec.accessLogging[0].match.mode"]),
        ("metrics: [{reportingInterval: 0s}]", ["error spec.metrics[0].reportingInterval"]),
        (
            "metrics: [{overrides: [{match: {metric: REQUEST_COUNT, customMetric: a}}]}]",
            ["error spec.metrics[0].overrides[0].match"],
        ),
        (
            "metrics: [{overrides: [{match: {customMetric: ''}}]}]",
            ["error spec.metrics[0].overrides[0].match.customMetric"],
        ),
        (
            "metrics: [{overrides: [{tagOverrides: {a: {}}}]}]",
            ["error spec.metrics[0].overrides[0].tagOverrides.a.value"],
        ),
        (
            "metrics: [{overrides: [{tagOverrides: {a: {operation: REMOVE, value: b}}}]}]",
            ["error spec.metrics[0].overrides[0].tagOverrides.a.value"],
        ),
        (
            "metrics: [{overrides: [{tagOverrides: {'': {value: b}}}]}]",
            ["warning spec.metrics[0].overrides[0].tagOverrides."],
        ),
        ("selector: {matchLabels: {a: '*'}}", ["error spec.selector.matchLabels.a"]),
    ],
)
def test_a_telemetry(spec, expected):
    assert checked("Telemetry", f"{{{spec}}}") == expected
