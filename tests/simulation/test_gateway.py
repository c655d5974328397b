"""What a gateway does with described calls from outside."""

import pytest

from lateen.control.simulate.call import Call, Request, Tls
from lateen.control.simulate.configuration import configuration_of
from lateen.control.simulate.walk import gateway
from tests.support.gateways import REDIRECT, https, virtual_service
from tests.support.gateways import gateway as gateway_of
from tests.support.mesh import mesh_of, router

MESH = """\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec: {clusterIP: 10.1.0.1, selector: {app: a}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: a-1, namespace: shop, labels: {app: a}}
spec: {containers: []}
status: {podIP: 10.0.0.2}
"""
TLS = Tls("a.test", ("h2", "http/1.1"))


def coming(text, port, request=None, tls=None):
    mesh = mesh_of(MESH + text)
    configuration = configuration_of(mesh, router())
    return gateway(configuration, Call("10.0.0.9", port, "192.0.2.1", request, tls))


SERVERS = gateway_of(https(), REDIRECT)


def test_requests_by_tls():
    path, onward = coming(SERVERS + virtual_service(), 443, Request("a.test"), TLS)
    assert path.named("route table").startswith("https.443.")
    assert path.named("tls") == "ends here"
    assert path.named("cluster") == "outbound|80||a.shop.svc.cluster.local"
    assert (path.end, onward.target.tls) == ("10.0.0.2:80", None)


@pytest.mark.parametrize(
    ("port", "request_", "tls", "said"),
    [
        (80, Request("a.test"), None, "answers 301"),
        (443, Request("b.test"), Tls("b.test"), "no filter chain matches"),
        (8443, Request("a.test"), TLS, "no listener takes 10.0.0.9:8443"),
    ],
)
def test_what_does_not_come_through(port, request_, tls, said):
    path, onward = coming(SERVERS + virtual_service(), port, request_, tls)
    assert path.refused
    assert onward is None
    assert said in path.end


def test_tls_that_is_passed_on():
    text = gateway_of(https(mode="PASSTHROUGH", protocol="TLS"))
    more = ", tls: [{match: [{sniHosts: [a.test]}], route: [{destination: {host: a}}]}]"
    text += virtual_service(http="", more=more).replace("http: [], ", "")
    path, onward = coming(text, 443, Request("a.test"), TLS)
    assert path.named("tls") == "passed on as it is"
    assert path.end == "10.0.0.2:80"
    assert onward.request is None
