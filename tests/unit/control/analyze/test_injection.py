import pytest

from tests.support.analysis import INJECTED, manifest, told

ANALYZER = "injection.Analyzer"


def namespace(labels, name="shop"):
    return manifest("Namespace", name, labels=labels)


@pytest.mark.parametrize(
    ("labels", "codes"),
    [
        ("{}", ["IST0102"]),
        ("{istio-injection: enabled}", []),
        ("{istio-injection: disabled}", []),
        ("{istio.io/rev: canary}", []),
        ("{istio.io/dataplane-mode: ambient}", []),
        ("{istio-injection: enabled, istio.io/rev: canary}", ["IST0123"]),
        ("{istio-injection: disabled, istio.io/rev: canary}", []),
        ("{istio.io/rev: canary, istio.io/dataplane-mode: ambient}", ["IST0123"]),
    ],
)
def test_labels_of_namespaces(labels, codes):
    assert told(ANALYZER, namespace(labels)) == [f"{code} Namespace shop 3" for code in codes]


def test_the_control_planes_own_namespace_is_left_alone():
    assert told(ANALYZER, namespace("{}", "istio-system")) == []


def test_an_injector_that_injects_by_default():
    values = '{"sidecarInjectorWebhook": {"enableNamespacesByDefault": true}}'
    data = f"data: {{values: '{values}'}}"
    injector = manifest("ConfigMap", "istio-sidecar-injector", data, namespace="istio-system")
    assert told(ANALYZER, namespace("{}") + injector) == ["IST0148 Namespace shop 3"]
    for off in (injector.replace("true", "false"), injector.replace("true", "[" * 9999)):
        assert told(ANALYZER, namespace("{}") + off) == ["IST0102 Namespace shop 3"]


def pod(spec="{containers: [{name: a}]}", labels="{}"):
    return manifest("Pod", "web", spec, labels=labels)


def test_pods_of_injected_namespaces_have_a_sidecar():
    assert told(ANALYZER, INJECTED + pod()) == ["IST0103 Pod shop/web 8"]
    proxy = "[{name: istio-proxy, image: proxyv2}]"
    for right in (
        pod(f"{{containers: {proxy}}}"),
        pod(f"{{initContainers: {proxy}}}"),
        pod("{hostNetwork: true}"),
        pod(labels="{sidecar.istio.io/inject: 'False'}"),
    ):
        assert told(ANALYZER, INJECTED + right) == []
    assert told(ANALYZER, namespace("{istio-injection: disabled}") + pod()) == []
