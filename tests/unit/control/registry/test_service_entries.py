import pytest

from lateen.control.model.protocol import Protocol
from lateen.control.model.service import Port, Resolution
from lateen.control.registry.service_entries import endpoints_of, service_of
from tests.support.manifests import resources

ENTRY = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api, namespace: shop}
spec:
  hosts: [api.example.com, alt.example.com]
  addresses: [10.5.0.1]
  ports:
    - {number: 443, name: tls, protocol: TLS}
    - {number: 80, name: web, protocol: http, targetPort: 8080}
  resolution: DNS
"""
WORKLOADS = """\
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: vm-1, namespace: shop, labels: {tier: gold}}
spec: {address: 10.0.0.1, labels: {app: api}, serviceAccount: vm, ports: {web: 81}, weight: 3,
       locality: eu/a, network: west}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: vm-2, namespace: shop}
spec: {address: vm.example.com, labels: {app: api}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: vm-3, namespace: other}
spec: {address: 10.0.0.3, labels: {app: api}}
"""
SELECTS = "resolution: STATIC\n  workloadSelector: {labels: {app: api}}"


def made(text, host="api.example.com"):
    entry, *workloads = resources(text)
    return endpoints_of(entry, host, workloads)


def shown(endpoints):
    return [(one.address, one.port, one.service_port) for one in endpoints]


def test_every_host_is_a_service():
    (entry, *_) = resources(ENTRY)
    first, second = (service_of(entry, host) for host in entry.spec.hosts)
    assert (first.host, second.host) == ("api.example.com", "alt.example.com")
    assert first.addresses == ("10.5.0.1",)
    assert first.ports == (Port("tls", 443, Protocol.TLS), Port("web", 80, Protocol.HTTP))
    assert first.resolution is Resolution.DNS
    assert first.mesh_external


def test_a_range_of_one_address_is_that_address():
    text = ENTRY.replace("10.5.0.1", "10.5.0.1/32, 10.6.0.0/16").replace(": DNS", ": STATIC")
    assert service_of(resources(text)[0], "api.example.com").addresses == (
        "10.5.0.1",
        "10.6.0.0/16",
    )


@pytest.mark.parametrize(
    ("written", "resolution"),
    [
        ("NONE", Resolution.PASSTHROUGH),
        ("STATIC", Resolution.STATIC),
        ("DNS_ROUND_ROBIN", Resolution.DNS_ROUND_ROBIN),
    ],
)
def test_resolutions(written, resolution):
    text = ENTRY.replace("resolution: DNS", f"resolution: {written}\n  location: MESH_INTERNAL")
    service = service_of(resources(text)[0], "api.example.com")
    assert service.resolution is resolution
    assert not service.mesh_external


def test_a_host_that_dns_finds_is_its_own_endpoint():
    assert shown(made(ENTRY, "alt.example.com")) == [
        ("alt.example.com", 443, "tls"),
        ("alt.example.com", 8080, "web"),
    ]


def test_endpoints_that_are_written_have_their_ports():
    text = ENTRY + "  endpoints: [{address: a.test, ports: {tls: 444}}]\n"
    assert shown(made(text)) == [("a.test", 444, "tls"), ("a.test", 8080, "web")]


def test_a_socket_is_behind_one_port():
    web = "    - {number: 80, name: web, protocol: http, targetPort: 8080}\n"
    text = ENTRY.replace(web, "").replace(": DNS", ": STATIC")
    sockets = made(text + "  endpoints: [{address: unix:///run/x}]\n")
    assert shown(sockets) == [("unix:///run/x", 0, "tls")]


def test_a_selector_takes_workloads_of_its_namespace():
    tls, web = made(ENTRY.replace("resolution: DNS", SELECTS) + WORKLOADS)
    assert shown([tls, web]) == [("10.0.0.1", 443, "tls"), ("10.0.0.1", 81, "web")]
    assert tls.labels["tier"] == "gold"
    assert (tls.tls_mode, tls.service_account, tls.workload) == ("istio", "vm", "vm-1")
    assert (tls.weight, tls.locality, tls.network) == (3, "eu/a", "west")


def test_a_workload_with_a_name_needs_dns():
    by_dns = made(ENTRY.replace("resolution: DNS", SELECTS.replace("STATIC", "DNS")) + WORKLOADS)
    assert {one.address for one in by_dns} == {"10.0.0.1", "vm.example.com"}
    plain = next(one for one in by_dns if one.address == "vm.example.com")
    assert plain.tls_mode == "disabled"
