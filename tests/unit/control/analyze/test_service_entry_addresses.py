import pytest

from lateen.control.mesh_config import MeshConfig, ProxyDefaults
from tests.support.analysis import manifest, told

ANALYZER = "serviceentry.Analyzer"


def entry(protocol, more=""):
    port = f"{{number: 90, name: a, protocol: '{protocol}'}}"
    return manifest("ServiceEntry", "e", f"{{hosts: [a.com], ports: [{port}]{more}}}")


@pytest.mark.parametrize("protocol", ["TCP", "tcp", ""])
def test_tcp_needs_an_address(protocol):
    assert told(ANALYZER, entry(protocol)) == ["IST0134 ServiceEntry shop/e 4"]
    assert told(ANALYZER, entry(protocol, ", addresses: [10.0.0.1]")) == []


def test_other_protocols_do_not():
    assert told(ANALYZER, entry("HTTP")) == []


def test_an_address_may_have_been_given():
    text = entry("TCP").replace("\n---", "\nstatus: {addresses: [{value: 240.240.0.1}]}\n---")
    assert told(ANALYZER, text) == []


def test_the_mesh_may_give_addresses():
    captured = {"ISTIO_META_DNS_CAPTURE": "true"}
    for name in ("ISTIO_META_DNS_AUTO_ALLOCATE", "PILOT_ENABLE_IP_AUTOALLOCATE"):
        config = ProxyDefaults(proxy_metadata={**captured, name: "true"})
        assert told(ANALYZER, entry("TCP"), settings=MeshConfig(default_config=config)) == []
    config = ProxyDefaults(proxy_metadata=captured)
    assert told(ANALYZER, entry("TCP"), settings=MeshConfig(default_config=config)) != []
