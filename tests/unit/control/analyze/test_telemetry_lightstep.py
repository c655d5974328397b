from tests.support.analysis import manifest, told

ANALYZER = "telemetry.LightstepAnalyzer"


def mesh(kind):
    text = f"extensionProviders: [{{name: a, {kind}: {{service: b, port: 1}}}}]"
    return manifest("ConfigMap", "istio", f"data: {{mesh: '{text}'}}", namespace="istio-system")


def test_lightstep_is_deprecated():
    telemetry = manifest("Telemetry", "t", "{tracing: [{providers: [{name: a}]}]}")
    assert told(ANALYZER, telemetry + mesh("lightstep")) == ["IST0002 Telemetry shop/t 4"]
    assert told(ANALYZER, telemetry + mesh("zipkin")) == []
    assert told(ANALYZER, telemetry) == []
    other = telemetry.replace("name: a", "name: b")
    assert told(ANALYZER, other + mesh("lightstep")) == []
