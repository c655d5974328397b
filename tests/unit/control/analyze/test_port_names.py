import pytest

from tests.support.analysis import manifest, told

ANALYZER = "service.PortNameAnalyzer"


def codes(port, more="", labels="{}"):
    text = manifest("Service", "a", f"{{ports: [{port}]{more}}}", labels=labels)
    return [one.partition(" ")[0] for one in told(ANALYZER, text)]


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ("{port: 80, name: http}", []),
        ("{port: 80, name: HTTP-web}", []),
        ("{port: 80, name: grpc-web-a}", []),
        ("{port: 80, name: web, appProtocol: http}", []),
        ("{port: 80, name: web, appProtocol: kubernetes.io/h2c}", []),
        ("{port: 53, name: dns, protocol: UDP}", []),
        ("{port: 3306}", []),
        ("{port: 80}", ["IST0118"]),
        ("{port: 80, name: web}", ["IST0118"]),
        ("{port: 80, name: httpweb}", ["IST0118"]),
        ("{port: 80, name: http, appProtocol: x}", ["IST0118"]),
    ],
)
def test_names(port, expected):
    assert codes(port) == expected


def test_external_names():
    external = ", type: ExternalName, externalName: a.com"
    assert codes("{port: 80, name: tcp}", external) == ["IST0150"]
    assert codes("{port: 80}", external) == ["IST0150"]
    assert codes("{port: 80, name: http}", external) == []


def test_each_port_is_told():
    text = manifest("Service", "a", "{ports: [{port: 80}, {port: 81}]}")
    assert told(ANALYZER, text) == ["IST0118 Service shop/a 4"] * 2


@pytest.mark.parametrize(
    "labels",
    [
        "{istio: pilot}",
        "{release: istio}",
        "{gateway.istio.io/managed: istio.io-gateway-controller}",
    ],
)
def test_what_istio_makes_is_left_alone(labels):
    assert codes("{port: 80}", labels=labels) == []
