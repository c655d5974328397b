"""What a sidecar does with described calls of its application."""

import pytest

from lateen.control.simulate.call import Call, Request, Tls
from lateen.control.simulate.configuration import configuration_of
from lateen.control.simulate.walk import outbound
from tests.support.mesh import mesh_of, sidecar

MESH = """\
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: default}
spec: {clusterIP: 10.1.0.1, selector: {app: reviews}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: default}
spec: {clusterIP: 10.1.0.2, selector: {app: db}, ports: [{name: tcp, port: 5432}]}
---
apiVersion: v1
kind: Pod
metadata: {name: reviews-1, namespace: default, labels: {app: reviews, version: v1}}
spec: {containers: []}
status: {podIP: 10.0.0.2}
---
apiVersion: v1
kind: Pod
metadata:
  name: reviews-2
  namespace: default
  labels: {app: reviews, version: v2, security.istio.io/tlsMode: istio}
spec: {containers: []}
status: {podIP: 10.0.0.3}
---
apiVersion: v1
kind: Pod
metadata: {name: db-1, namespace: default, labels: {app: db}}
spec: {containers: []}
status: {podIP: 10.0.0.4}
"""
RULES = """\
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: default}
spec:
  host: reviews
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: default}
spec:
  hosts: [reviews]
  http:
    - name: testers
      match: [{headers: {end-user: {exact: jason}}}]
      route: [{destination: {host: reviews, subset: v2}}]
    - match: [{uri: {prefix: /old}}]
      redirect: {uri: /new}
    - match: [{uri: {exact: /tea}}]
      directResponse: {status: 418}
    - match: [{uri: {prefix: /v2/}}]
      rewrite: {uri: /}
      headers: {request: {set: {x-was: v2}}}
      route: [{destination: {host: reviews, subset: v2}}]
    - route:
        - {destination: {host: reviews, subset: v1}, weight: 75}
        - {destination: {host: reviews, subset: v2}, weight: 25}
"""
HOST = "reviews.default.svc.cluster.local"
REVIEWS = Call("10.1.0.1", 80, request=Request("reviews"))


def going(text, call, share=0.0, **config):
    configuration = configuration_of(mesh_of(text, **config), sidecar())
    return outbound(configuration, call, "spiffe://cluster.local/ns/default/sa/app", share)


def asks(path="/", host="reviews", **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("10.1.0.1", 80, request=Request(host, path, headers=names))


def test_a_service_without_rules():
    path, onward = going(MESH, REVIEWS)
    assert path.named("listener") == "0.0.0.0_80"
    assert path.named("route table") == "80"
    assert path.named("virtual host") == f"{HOST}:80"
    assert path.named("route") == "default"
    assert path.named("cluster") == f"outbound|80||{HOST}"
    assert path.end == "10.0.0.2:80"
    assert onward.target.tls is None


@pytest.mark.parametrize(
    ("host", "table"),
    [
        ("reviews.default", f"{HOST}:80"),
        ("REVIEWS:80", f"{HOST}:80"),
        ("10.1.0.1", f"{HOST}:80"),
        ("elsewhere.example", "allow_any"),
    ],
)
def test_hosts(host, table):
    path, _ = going(MESH, asks(host=host))
    assert path.named("virtual host") == table


def test_an_unknown_host_is_refused_where_only_the_registry_is_allowed():
    path, onward = going(
        MESH, asks(host="elsewhere.example"), outboundTrafficPolicy={"mode": "REGISTRY_ONLY"}
    )
    assert (path.refused, path.status, onward) == (True, 502, None)


def test_a_header_chooses_the_route_and_the_others_tell_why_not():
    path, onward = going(MESH + RULES, asks(end_user="jason"))
    route = next(step for step in path.steps if step.kind == "route")
    assert route.name == "testers"
    assert route.resource.endswith("/namespaces/default/virtual-service/reviews")
    assert {one.why for one in route.lost} == {"an earlier one matches"}
    assert path.named("cluster") == f"outbound|80|v2|{HOST}"
    assert onward.target.address == "10.0.0.3"
    assert onward.target.tls.identity == "spiffe://cluster.local/ns/default/sa/app"
    assert onward.target.tls.sni == f"outbound_.80_.v2_.{HOST}"
    other, _ = going(MESH + RULES, asks())
    lost = next(step for step in other.steps if step.kind == "route").lost
    assert (lost[0].name, lost[0].why) == ("testers", "it wants end-user is 'jason'")
    assert "does not match /old*" in lost[1].why


@pytest.mark.parametrize(("path", "status"), [("/tea", 418), ("/old/x", 301)])
def test_routes_that_answer_themselves(path, status):
    found, onward = going(MESH + RULES, asks(path))
    assert (found.refused, found.status, onward) == (True, status, None)


def test_the_request_goes_on_as_the_route_changes_it():
    _, onward = going(MESH + RULES, asks("/v2/list?n=1"))
    assert onward.request.path == "/list?n=1"
    assert onward.request.headers["x-was"] == "v2"


@pytest.mark.parametrize(("share", "subset"), [(0.0, "v1"), (0.74, "v1"), (0.76, "v2")])
def test_weights(share, subset):
    path, _ = going(MESH + RULES, asks(), share)
    assert path.named("cluster") == f"outbound|80|{subset}|{HOST}"
    (lost,) = next(step for step in path.steps if step.kind == "weight").lost
    assert lost.why == ("gets 25 of 100" if subset == "v1" else "gets 75 of 100")


def test_bytes_go_to_the_listener_of_the_address():
    path, onward = going(MESH, Call("10.1.0.2", 5432))
    assert path.named("listener") == "10.1.0.2_5432"
    assert path.end == "10.0.0.4:5432"
    assert onward.request is None


def test_an_address_that_nobody_has():
    path, onward = going(MESH, Call("192.0.2.1", 4433, tls=Tls("x.example")))
    assert path.named("listener") == "virtualOutbound"
    assert path.named("cluster") == "PassthroughCluster"
    assert onward.target.address == "192.0.2.1"
    refused, _ = going(
        MESH, Call("192.0.2.1", 4433), outboundTrafficPolicy={"mode": "REGISTRY_ONLY"}
    )
    assert refused.refused


def test_a_subset_without_endpoints():
    text = MESH + RULES.replace("version: v2", "version: v3")
    path, onward = going(text, asks(end_user="jason"))
    assert (path.status, onward) == (503, None)
    assert "has no endpoint" in path.end
