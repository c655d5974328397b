from tests.support.analysis import manifest, told

ANALYZER = "telemetry.DefaultSelectorAnalyzer"


def test_two_of_one_namespace():
    one, two = manifest("Telemetry", "a"), manifest("Telemetry", "b")
    assert told(ANALYZER, one + two) == ["IST0160 Telemetry shop/a 3", "IST0160 Telemetry shop/b 8"]
    assert told(ANALYZER, one + manifest("Telemetry", "b", namespace="other")) == []
    selected = manifest("Telemetry", "b", "{selector: {matchLabels: {a: b}}}")
    assert told(ANALYZER, one + selected) == []
