from ipaddress import ip_address, ip_network

import pytest

from lateen.control.mesh import Mesh
from lateen.control.mesh_config import MeshConfig
from tests.support.manifests import resources
from tests.support.mesh import sent, sidecar

ENTRY = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: NAME, namespace: default}
spec: {hosts: [NAME.com], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}
---
"""


def entry(name="a"):
    return ENTRY.replace("NAME", name)


def allocated(text):
    return Mesh(MeshConfig(), "cluster.local", tuple(resources(text))).allocated


def test_addresses_are_of_the_ranges_that_nobody_else_has():
    ((four, six),) = allocated(entry()).values()
    assert ip_address(four) in ip_network("240.240.0.0/16")
    assert ip_address(six) in ip_network("2001:2::/48")


def test_each_has_its_own_and_keeps_it_when_others_come():
    names = [f"n{number}" for number in range(300)]
    few, many = (allocated("".join(map(entry, some))) for some in (names[:1], names))
    assert len(set(many.values())) == len(names)
    assert few["n0.com"] == many["n0.com"]
    assert not any(four.endswith((".0", ".255")) for four, _ in many.values())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("resolution: DNS", "resolution: NONE"),
        ("hosts: [a.com]", "hosts: ['*.a.com'], endpoints: [{address: b.com}]"),
        ("hosts: [a.com]", "hosts: [a.com], addresses: [10.1.0.1]"),
        ("name: a,", "name: a, labels: {networking.istio.io/enable-autoallocate-ip: 'false'},"),
    ],
)
def test_who_needs_none(old, new):
    text = entry()
    assert old in text
    assert allocated(text.replace(old, new)) == {}


def test_a_proxy_whose_dns_tells_them_listens_to_them():
    text = entry()
    ((four, six),) = allocated(text).values()
    assert "0.0.0.0_443" in sent(text)["listeners"]
    found = sent(text, sidecar(dns_capture=True))["listeners"]
    (chain,) = found[f"{four}_443"]["filter_chains"]
    assert "filter_chain_match" not in chain
    assert f"{six}_443" in sent(text, sidecar("fd00::1", dns_capture=True))["listeners"]


def test_http_may_be_called_by_its_address():
    text = entry().replace("443, name: tls, protocol: TLS", "80, name: http, protocol: HTTP")
    ((four, _),) = allocated(text).values()
    hosts = sent(text, sidecar(dns_capture=True))["routes"]["80"]["virtual_hosts"]
    assert four in hosts[0]["domains"]
