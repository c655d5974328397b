import pytest

from lateen.control.model.protocol import Protocol
from lateen.control.model.service import Endpoint, Port, Resolution
from lateen.control.registry.kubernetes import Addresses, service_of
from tests.support.manifests import resources

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: shop}
spec:
  clusterIP: 10.1.0.7
  selector: {app: reviews}
  ports:
    - {name: http, port: 80, targetPort: web}
    - {name: tcp-admin, port: 90}
"""
PODS = """\
---
apiVersion: v1
kind: Pod
metadata:
  name: reviews-1
  namespace: shop
  labels:
    app: reviews
    security.istio.io/tlsMode: istio
    topology.kubernetes.io/region: eu
    topology.kubernetes.io/zone: a
spec:
  serviceAccountName: reader
  containers: [{name: c, ports: [{name: web, containerPort: 8080}]}]
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: other, namespace: shop, labels: {app: other}}
spec: {containers: []}
status: {podIP: 10.0.0.2}
---
apiVersion: v1
kind: Pod
metadata: {name: reviews-2, namespace: elsewhere, labels: {app: reviews}}
spec: {containers: []}
status: {podIP: 10.0.0.3}
---
apiVersion: v1
kind: Pod
metadata: {name: reviews-3, namespace: shop, labels: {app: reviews}}
spec: {containers: []}
"""
SLICE = """\
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: reviews-x, namespace: shop, labels: {kubernetes.io/service-name: reviews}}
ports: [{name: http, port: 8081}, {name: gone, port: 1}]
endpoints:
  - {addresses: [10.0.0.1]}
  - {addresses: [10.0.0.9], zone: b, conditions: {ready: false}}
"""
LIST = """\
---
apiVersion: v1
kind: Endpoints
metadata: {name: reviews, namespace: shop}
subsets:
  - addresses: [{ip: 10.0.0.1}]
    notReadyAddresses: [{ip: 10.0.0.8}]
    ports: [{name: http, port: 8082}]
"""


def service(text=SERVICE):
    return resources(text)[0]


def endpoints(text):
    service, *rest = resources(text)
    by_kind = {"Pod": [], "EndpointSlice": [], "Endpoints": []}
    for one in rest:
        by_kind[one.key.kind].append(one)
    found = Addresses(by_kind["EndpointSlice"], by_kind["Endpoints"], by_kind["Pod"])
    return found.of(service)


def test_a_service_has_its_full_name_ports_and_address():
    made = service_of(service(), "cluster.local", "td")
    assert made.host == "reviews.shop.svc.cluster.local"
    assert (made.name, made.namespace, made.address) == ("reviews", "shop", "10.1.0.7")
    assert made.ports == (Port("http", 80, Protocol.HTTP), Port("tcp-admin", 90, Protocol.TCP))
    assert made.resolution is Resolution.STATIC
    assert made.port(90) is made.ports[1]
    assert made.port(91) is None


@pytest.mark.parametrize(
    ("changed", "resolution", "addresses"),
    [
        ("None", Resolution.PASSTHROUGH, ("0.0.0.0",)),
        ('""', Resolution.STATIC, ("0.0.0.0",)),
        ("10.1.0.7\n  clusterIPs: [10.1.0.7, fd00::7]", Resolution.STATIC, ("10.1.0.7", "fd00::7")),
        ("''\n  type: ExternalName\n  externalName: a.com", Resolution.ALIAS, ("0.0.0.0",)),
    ],
)
def test_how_a_service_is_reached(changed, resolution, addresses):
    made = service_of(service(SERVICE.replace("10.1.0.7", changed)), "cluster.local", "td")
    assert (made.resolution, made.addresses) == (resolution, addresses)
    assert made.is_headless is (resolution is Resolution.PASSTHROUGH)
    assert made.external_name == ("a.com" if resolution is Resolution.ALIAS else "")


def test_annotations_say_who_sees_it_and_whom_it_may_be():
    annotations = (
        "{networking.istio.io/exportTo: 'a, .', "
        "alpha.istio.io/kubernetes-serviceaccounts: 'one,two', "
        "alpha.istio.io/canonical-serviceaccounts: 'spiffe://x/y'}"
    )
    text = SERVICE.replace("shop}", f"shop, annotations: {annotations}}}")
    made = service_of(service(text), "cluster.local", "td")
    assert made.export_to == {"a", "."}
    assert made.service_accounts == (
        "spiffe://x/y",
        "spiffe://td/ns/shop/sa/one",
        "spiffe://td/ns/shop/sa/two",
    )


def test_pods_that_a_service_selects_serve_it():
    first, second = endpoints(SERVICE + PODS)
    assert first == Endpoint(
        "10.0.0.1",
        8080,
        "http",
        labels=first.labels,
        locality="eu/a",
        service_account="reader",
        namespace="shop",
        workload="reviews-1",
    )
    assert first.tls_mode == "istio"
    assert (second.address, second.port, second.service_port) == ("10.0.0.1", 90, "tcp-admin")


def test_a_service_without_a_selector_has_no_pods():
    assert endpoints(SERVICE.replace("selector: {app: reviews}", "selector: {}") + PODS) == []


def test_slices_come_before_pods_and_tell_who_is_ready():
    ready, unready = endpoints(SERVICE + PODS + SLICE + LIST)
    assert (ready.address, ready.port, ready.workload) == ("10.0.0.1", 8081, "reviews-1")
    assert (ready.healthy, unready.healthy) == (True, False)
    assert (unready.address, unready.workload, unready.tls_mode) == ("10.0.0.9", "", "disabled")


def test_unready_addresses_are_taken_where_the_service_says_so():
    text = SERVICE.replace("spec:\n", "spec:\n  publishNotReadyAddresses: true\n")
    assert [one.healthy for one in endpoints(text + SLICE)] == [True, True]


def test_endpoints_are_read_where_there_are_no_slices():
    assert [(one.address, one.port, one.healthy) for one in endpoints(SERVICE + PODS + LIST)] == [
        ("10.0.0.1", 8082, True),
        ("10.0.0.8", 8082, False),
    ]
