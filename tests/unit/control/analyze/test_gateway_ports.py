from tests.support.analysis import manifest, messages, told

ANALYZER = "gateway.IngressGatewayPortAnalyzer"


def gateway(port, selector="{gw: a}"):
    server = f"{{port: {{number: {port}, name: a, protocol: HTTP}}, hosts: ['*']}}"
    return manifest("Gateway", "g", f"{{selector: {selector}, servers: [{server}]}}")


def backed(port, selector="{gw: a}", namespace="shop"):
    return manifest("Pod", "p", labels="{gw: a}") + manifest(
        "Service", "s", f"{{selector: {selector}, ports: [{port}]}}", namespace=namespace
    )


MISSING = ["IST0162 Gateway shop/g 4"]


def test_the_port_is_one_of_the_service_or_of_its_pods():
    text = gateway(80) + backed("{port: 80, targetPort: 8080}")
    assert told(ANALYZER, text) == []
    assert told(ANALYZER, gateway(8080) + backed("{port: 80, targetPort: 8080}")) == []
    assert told(ANALYZER, gateway(80) + backed("{port: 80}")) == []
    assert told(ANALYZER, gateway(81) + backed("{port: 80, targetPort: web}")) == MISSING


def test_other_services_do_not_count():
    assert told(ANALYZER, gateway(80) + backed("{port: 80, protocol: UDP}")) == MISSING
    assert told(ANALYZER, gateway(80) + backed("{port: 80}", "{gw: b}")) == MISSING
    assert told(ANALYZER, gateway(80) + backed("{port: 80}", namespace="other")) == MISSING


def test_a_gateway_has_pods():
    assert told(ANALYZER, gateway(80)) == ["IST0101 Gateway shop/g 4"]
    (message,) = messages(ANALYZER, gateway(80))
    assert message.text == "No pod has the labels of the selector gw=a"


def test_the_ingress_gateway_of_an_installation_is_there():
    assert told(ANALYZER, gateway(443, "{istio: ingressgateway}")) == []
    assert told(ANALYZER, gateway(8004, "{istio: ingressgateway}")) == MISSING
