from tests.support.analysis import manifest, told

ANALYZER = "telemetry.SelectorAnalyzer"
POD = manifest("Pod", "web", labels="{app: web, tier: x}")


def telemetry(name, labels, namespace="shop"):
    spec = f"{{selector: {{matchLabels: {labels}}}}}"
    return manifest("Telemetry", name, spec, namespace=namespace)


def test_a_selector_selects_pods_of_the_namespace():
    assert told(ANALYZER, POD + telemetry("a", "{app: web}")) == []
    assert told(ANALYZER, POD + telemetry("a", "{app: x}")) == ["IST0101 Telemetry shop/a 9"]
    other = telemetry("a", "{app: web}", "other")
    assert told(ANALYZER, POD + other) == ["IST0101 Telemetry other/a 9"]


def test_two_of_one_pod():
    text = POD + telemetry("a", "{app: web}") + telemetry("b", "{tier: x}")
    assert told(ANALYZER, text) == ["IST0159 Telemetry shop/a 8", "IST0159 Telemetry shop/b 13"]
