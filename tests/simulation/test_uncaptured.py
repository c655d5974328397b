"""What sidecars do where nothing is captured: they listen themselves."""

from lateen.control.model.proxy import Interception
from lateen.control.simulate.call import Call, Request
from lateen.control.simulate.configuration import configuration_of
from lateen.control.simulate.walk import inbound, outbound
from tests.support.mesh import mesh_of, sidecar

MESH = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {clusterIP: 10.1.0.1, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: default, labels: {app: web}}
spec: {containers: []}
status: {podIP: 127.77.0.1}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: web, namespace: default}
spec:
  ingress:
    - {port: {number: 8080, protocol: HTTP, name: http}, bind: 127.77.0.1, captureMode: NONE,
       defaultEndpoint: '127.0.0.1:9999'}
  egress:
    - {port: {number: 15001, protocol: HTTP_PROXY, name: p}, bind: 127.77.0.1, captureMode: NONE,
       hosts: ['*/*']}
"""


def configuration():
    proxy = sidecar("127.77.0.1", labels={"app": "web"}, interception=Interception.NONE)
    return configuration_of(mesh_of(MESH), proxy)


def test_requests_go_to_the_http_proxy():
    path, onward = outbound(configuration(), Call("0.0.0.0", 80, request=Request("web")))
    listener = next(step for step in path.steps if step.kind == "listener")
    assert listener.why == "the application calls it as its HTTP proxy"
    assert path.named("cluster") == "outbound|80||web.default.svc.cluster.local"
    assert (onward.target.address, onward.target.port) == ("127.77.0.1", 8080)


def test_bytes_go_nowhere():
    path, onward = outbound(configuration(), Call("10.1.0.1", 81))
    assert onward is None
    assert path.end == "no listener takes 10.1.0.1:81"


def test_calls_of_others():
    path, onward = inbound(configuration(), Call("127.77.0.1", 8080, request=Request("web")))
    assert path.named("listener") == "127.77.0.1_8080"
    assert (onward.target.address, onward.target.port) == ("127.0.0.1", 9999)
