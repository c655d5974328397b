import pytest

from tests.support.manifests import checked


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("{host: a}", []),
        ("{host: '*.a.com', subsets: [{name: v1, labels: {version: v1}}], exportTo: [.]}", []),
        ("{host: a, workloadSelector: {matchLabels: {a: b}}, exportTo: [.]}", []),
        ("{}", ["error spec"]),
        ("{host: ''}", ["error spec.host"]),
        ("{host: a_b}", ["error spec.host"]),
        ("{host: a, subsets: [{name: v1}, {name: v1}]}", ["error spec.subsets[1].name"]),
        ("{host: a, subsets: [{name: v.1}]}", ["error spec.subsets[0].name"]),
        ("{host: a, subsets: [{}]}", ["error spec.subsets[0]"]),
        (
            "{host: a, subsets: [{name: v1, labels: {a/b/c: d}}]}",
            ["error spec.subsets[0].labels.a/b/c"],
        ),
        (
            "{host: a, subsets: [{name: v1, trafficPolicy: {}}]}",
            ["error spec.subsets[0].trafficPolicy"],
        ),
        ("{host: a, exportTo: ['*', '*']}", ["error spec.exportTo[1]", "error spec.exportTo"]),
        (
            "{host: a, workloadSelector: {matchLabels: {a: b}}, exportTo: [x]}",
            ["error spec.exportTo"],
        ),
        ("{host: a, workloadSelector: {}}", ["warning spec.workloadSelector"]),
        (
            "{host: a, workloadSelector: {matchLabels: {a: 'b*'}}}",
            ["error spec.workloadSelector.matchLabels.a"],
        ),
    ],
)
def test_a_rule(spec, expected):
    assert checked("DestinationRule", spec) == expected
