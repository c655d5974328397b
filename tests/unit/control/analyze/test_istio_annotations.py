import pytest

from tests.support.analysis import manifest, messages, told

ANALYZER = "annotations.K8sAnalyzer"


def of(kind, name, value="x", labels="{}"):
    text = manifest(kind, "a", annotations=f"{{{name}: '{value}'}}", labels=labels)
    return [one.partition(" ")[0] for one in told(ANALYZER, text)]


@pytest.mark.parametrize("kind", ["Namespace", "Service", "Pod", "Deployment"])
def test_an_unknown_annotation(kind):
    assert of(kind, "networking.istio.io/exportToo") == ["IST0108"]
    assert of(kind, "example.com/exportToo") == []


def test_the_nearest_known_annotation_is_told():
    text = manifest("Service", "a", annotations="{networking.istio.io/exportToo: x}")
    (message,) = messages(ANALYZER, text)
    assert "did you mean 'networking.istio.io/exportTo'?" in message.text
    assert message.line == 3


def test_a_misplaced_annotation():
    assert of("Pod", "kubernetes.io/ingress.class") == ["IST0107"]
    assert of("Deployment", "sidecar.istio.io/proxyCPU", "1") == ["IST0107"]
    assert of("Service", "networking.istio.io/exportTo") == []
    assert of("Namespace", "galley.istio.io/analyze-suppress") == []


def test_a_deprecated_annotation():
    assert of("Deployment", "sidecar.istio.io/statsCompression") == ["IST0107", "IST0135"]
    assert of("Pod", "sidecar.istio.io/inject", "true") == ["IST0135"]
    label = "{sidecar.istio.io/inject: 'true'}"
    assert of("Pod", "sidecar.istio.io/inject", "true", label) == []


@pytest.mark.parametrize("name", ["sidecar.istio.io/status", "istio.io/rev"])
def test_what_istio_sets_itself(name):
    assert of("Service", name) == []


T = "traffic.sidecar.istio.io/"


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("sidecar.istio.io/interceptionMode", ["NONE", "TPROXY"], ["none"]),
        ("status.sidecar.istio.io/port", ["0", " 80 "], ["65536", "x"]),
        (
            "readiness.status.sidecar.istio.io/periodSeconds",
            ["10"],
            ["-1", "1.5", "4294967296", "1" * 5000],
        ),
        (f"{T}includeOutboundIPRanges", ["*", "10.0.0.0/8,::/0", ""], ["10.0.0.1", "a"]),
        (f"{T}excludeOutboundIPRanges", ["10.0.0.0/8", ""], ["*"]),
        (f"{T}includeInboundPorts", ["*", "80, 81", ""], ["80,"]),
        (f"{T}excludeInboundPorts", ["80", ""], ["*"]),
        (f"{T}excludeOutboundPorts", ["80"], ["a"]),
        (f"{T}excludeInterfaces", ["eth0, eth1"], ["0eth", "a" * 16, "a,"]),
        ("prometheus.istio.io/merge-metrics", ["true", "F"], ["yes"]),
        ("proxy.istio.io/config", ["{}", "concurrency: 2"], ["a", "{"]),
        ("sidecar.istio.io/proxyCPU", ["100m", "0.5", "1e3"], ["1 CPU", ""]),
        ("sidecar.istio.io/proxyMemoryLimit", ["128Mi"], ["128MB"]),
    ],
)
def test_values(name, right, wrong):
    assert {value: of("Pod", name, value) for value in right} == {value: [] for value in right}
    expected = {value: ["IST0125"] for value in wrong}
    assert {value: of("Pod", name, value) for value in wrong} == expected
