import pytest

from lateen.control.explain.explain import explain, explain_gateway
from lateen.control.explain.report import as_json, as_text
from lateen.control.explain.sources import Sources
from lateen.control.explain.wanted import wanted
from lateen.control.explain.workloads import NoWorkloadError
from tests.support.mesh import mesh_of

MESH = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.1.0.1, selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {clusterIP: 10.1.0.2, selector: {app: api}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: idle, namespace: shop}
spec: {clusterIP: 10.1.0.3, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: web-1
  namespace: shop
  labels: {app: web, security.istio.io/tlsMode: istio}
spec: {serviceAccountName: web, containers: []}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata:
  name: api-1
  namespace: shop
  labels: {app: api, security.istio.io/tlsMode: istio}
spec: {containers: []}
status: {podIP: 10.0.0.2}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api, namespace: shop}
spec:
  hosts: [api]
  http:
    - match:
        - {uri: {exact: /tea}}
        - {uri: {exact: /pot}}
      directResponse: {status: 418}
    - name: rest
      route: [{destination: {host: api}}]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict, namespace: shop}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: guard, namespace: shop}
spec:
  selector: {matchLabels: {app: api}}
  rules:
    - to: [{operation: {methods: [DELETE]}}]
    - from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]
      to: [{operation: {methods: [GET]}}]
"""


def told(url, name="web", method="GET", text=MESH):
    mesh = mesh_of(text)
    found = explain(mesh, wanted(url, method, [], None), name)
    return as_json(found, Sources(mesh)), list(as_text(found, Sources(mesh)))


def step(found, hop, kind):
    return next(one for one in found["hops"][hop]["steps"] if one["kind"] == kind)


def line_of(text):
    return next(number for number, line in enumerate(MESH.splitlines(), 1) if text in line)


def test_both_proxies_and_the_lines_that_decide():
    found, text = told("http://api/")
    assert [hop["workload"] for hop in found["hops"]] == ["web-1.shop", "api-1.shop"]
    assert found["hops"][0]["identity"] == "spiffe://cluster.local/ns/shop/sa/web"
    assert (found["refused"], found["end"]) == (False, "10.0.0.2:80")
    route = step(found, 0, "route")
    assert route["name"] == "rest"
    assert route["by"].endswith(f":{line_of('name: rest')}")
    assert [one["by"].rpartition(":")[2] for one in route["lost"]] == [
        str(line_of("/tea")),
        str(line_of("/pot")),
    ]
    policy = step(found, 1, "policy")
    assert policy["name"] == "ns[shop]-policy[guard]-rule[1]"
    assert policy["by"].endswith(f":{line_of('- from')}")
    assert policy["lost"][0]["why"] == "it is not about what is called"
    chain = step(found, 1, "filter chain")
    assert chain["by"].startswith("PeerAuthentication shop/strict, ")
    assert text[0] == "1. leaves web-1.shop (10.0.0.1)"
    assert text[-1] == "reaches: 10.0.0.2:80"


@pytest.mark.parametrize(
    ("url", "method", "status", "hops"),
    [("http://api/tea", "GET", 418, 1), ("http://api/", "POST", 403, 2)],
)
def test_refusals(url, method, status, hops):
    found, text = told(url, method=method)
    assert (found["refused"], found["status"], len(found["hops"])) == (True, status, hops)
    assert text[-1].startswith("refused: ")


@pytest.mark.parametrize("host", ["api", "api.shop", "api.shop.svc.cluster.local", "10.1.0.2"])
def test_names_of_a_service(host):
    assert told(f"http://{host}/")[0]["end"] == "10.0.0.2:80"


@pytest.mark.parametrize("name", ["web", "web.shop", "shop/web", "web-1", "web-1.shop"])
def test_names_of_a_caller(name):
    assert told("http://api/", name)[0]["hops"][0]["workload"] == "web-1.shop"


OUTSIDE = """\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: out, namespace: shop}
spec: {hosts: [out.test], ports: [{number: 80, name: h, protocol: HTTP}], resolution: DNS}
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nobody", "there is api.shop, idle.shop, out.test.shop, web.shop"),
        ("idle", "no endpoint"),
        ("out.test", "no endpoint"),
    ],
)
def test_nobody_calls(name, said):
    with pytest.raises(NoWorkloadError, match=said):
        told("http://api/", name, text=MESH + OUTSIDE)


@pytest.mark.parametrize(
    ("host", "end"), [("server1", "0.0.0.0"), ("192.0.2.9", "192.0.2.9"), ("[fd00::a]", "fd00::a")]
)
def test_only_dns_knows_the_address_of_a_name(host, end):
    assert told(f"http://{host}/")[0]["end"].startswith(f"{end}:80")


def test_what_is_outside_the_mesh():
    found, text = told("tls://x.example:8443")
    assert step(found, 0, "cluster")["name"] == "PassthroughCluster"
    assert text[-1].endswith("where no sidecar is known")


GATEWAY = """\
---
apiVersion: v1
kind: Service
metadata: {name: ingress, namespace: shop}
spec:
  clusterIP: 10.1.0.9
  selector: {istio: ingress}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: ingress-1, namespace: shop, labels: {istio: ingress}}
spec: {containers: []}
status: {podIP: 10.0.0.9}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: shop}
spec:
  selector: {istio: ingress}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [api.test]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: outside, namespace: shop}
spec: {hosts: [api.test], gateways: [gw], http: [{route: [{destination: {host: api}}]}]}
"""


def test_a_call_from_outside_comes_through_the_gateway():
    mesh = mesh_of(MESH + GATEWAY)
    found = explain_gateway(mesh, wanted("http://api.test/", "GET", [], None), "ingress")
    told_ = as_json(found, Sources(mesh))
    assert [hop["direction"] for hop in told_["hops"]] == ["gateway", "inbound"]
    assert step(told_, 0, "listener")["name"] == "0.0.0.0_8080"
    assert step(told_, 0, "route")["by"].startswith("VirtualService shop/outside, ")
    # The policy lets web alone call.
    assert (told_["refused"], told_["status"]) == (True, 403)
    assert next(iter(as_text(found, Sources(mesh)))) == "1. comes through ingress-1.shop (10.0.0.9)"


def test_a_pod_whose_traffic_is_not_captured():
    annotation = "annotations: {sidecar.istio.io/interceptionMode: NONE}"
    labels = "  labels: {app: web, security"
    text = MESH.replace(labels, f"  {annotation}\n{labels}")
    found, _ = told("http://api/", text=text)
    assert step(found, 0, "listener")["name"] == "127.0.0.1_80"
