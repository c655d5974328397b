from tests.support.analysis import manifest, messages, told

ANALYZER = "sidecar.SelectorAnalyzer"
POD = manifest("Pod", "web", labels="{app: web, tier: x}")


def sidecar(name, labels="", namespace="shop"):
    selector = f"workloadSelector: {{labels: {labels}}}, " if labels else ""
    spec = f"{{{selector}egress: [{{hosts: ['*/*']}}]}}"
    return manifest("Sidecar", name, spec, namespace=namespace)


def test_a_selector_selects_pods_of_the_namespace():
    assert told(ANALYZER, POD + sidecar("a", "{app: web}")) == []
    assert told(ANALYZER, POD + sidecar("a", "{app: x}")) == ["IST0101 Sidecar shop/a 9"]
    other = sidecar("a", "{app: web}", "other")
    assert told(ANALYZER, POD + other) == ["IST0101 Sidecar other/a 9"]


def test_two_sidecars_of_one_pod():
    text = POD + sidecar("a", "{app: web}") + sidecar("b", "{tier: x}")
    assert told(ANALYZER, text) == ["IST0110 Sidecar shop/a 8", "IST0110 Sidecar shop/b 13"]
    assert "a, b" in messages(ANALYZER, text)[0].text


def test_two_sidecars_of_one_namespace():
    assert told(ANALYZER, sidecar("a") + sidecar("b")) == [
        "IST0111 Sidecar shop/a 3",
        "IST0111 Sidecar shop/b 8",
    ]
    assert told(ANALYZER, sidecar("a") + sidecar("b", namespace="other")) == []
    assert told(ANALYZER, POD + sidecar("a") + sidecar("b", "{app: web}")) == []


def test_sidecars_of_what_goes_through_the_nodes_proxy():
    pod = POD.replace("annotations: {}", "annotations: {ambient.istio.io/redirection: enabled}")
    text = pod + sidecar("a", "{app: web}")
    assert told(ANALYZER, text) == ["IST0167 Sidecar shop/a 8"]
    ambient = manifest("Namespace", "shop", labels="{istio.io/dataplane-mode: ambient}")
    assert told(ANALYZER, ambient + sidecar("a")) == ["IST0167 Sidecar shop/a 8"]
    injected = ambient.replace("labels: {", "labels: {istio-injection: enabled, ")
    assert told(ANALYZER, injected + sidecar("a")) == []
