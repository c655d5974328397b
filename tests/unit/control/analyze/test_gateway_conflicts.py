from tests.support.analysis import manifest, messages, told

ANALYZER = "gateway.ConflictingGatewayAnalyzer"


def gateway(name, hosts="[a.com]", port=80, selector="{gw: a}", more=""):
    server = f"{{port: {{number: {port}, name: a, protocol: HTTP}}, hosts: {hosts}{more}}}"
    return manifest("Gateway", name, f"{{selector: {selector}, servers: [{server}]}}")


BOTH = ["IST0145 Gateway shop/one 4", "IST0145 Gateway shop/two 9"]


def test_one_host_of_one_port_of_the_same_pods():
    assert told(ANALYZER, gateway("one", "[a.com, b.com]") + gateway("two")) == BOTH
    (first, _) = messages(ANALYZER, gateway("one") + gateway("two"))
    assert "Gateway shop/two" in first.text
    assert "a.com at port 80 of gw=a" in first.text


def test_what_differs():
    for other in (
        gateway("two", "[b.com]"),
        gateway("two", port=81),
        gateway("two", selector="{gw: b}"),
        gateway("two", more=", bind: 10.0.0.1"),
    ):
        assert told(ANALYZER, gateway("one") + other) == []


def test_selectors_of_one_pod():
    two = gateway("one") + gateway("two", selector="{gw: a, tier: x}")
    assert told(ANALYZER, two) == []
    pod = manifest("Pod", "p", labels="{gw: a, tier: x}")
    assert told(ANALYZER, two + pod) == BOTH
    assert told(ANALYZER, two + pod.replace("tier: x", "tier: y")) == []
