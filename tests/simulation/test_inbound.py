"""What a sidecar does with described calls of others to its application."""

from dataclasses import replace

import pytest

from lateen.control.simulate.call import Call, Request, Tls
from lateen.control.simulate.configuration import configuration_of
from lateen.control.simulate.walk import inbound
from tests.support.mesh import mesh_of, sidecar

MESH = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp-x, port: 90}]
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: default, labels: {app: web}}
spec: {containers: []}
status: {podIP: 10.0.0.1}
"""
STRICT = """\
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: default}
spec: {mtls: {mode: STRICT}}
"""
FRIEND = "spiffe://cluster.local/ns/default/sa/friend"
PEER = Tls("", ("istio-http/1.1", "istio"), FRIEND)
PLAIN = Call("10.0.0.1", 8080, "10.0.0.9", Request("web", "/open/x"))


def coming(text, call):
    path, _ = inbound(configuration_of(mesh_of(text), sidecar(labels={"app": "web"})), call)
    return path


def policy(rules, action="ALLOW"):
    return f"""\
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: guard, namespace: default}}
spec: {{selector: {{matchLabels: {{app: web}}}}, action: {action}, rules: [{rules}]}}
"""


@pytest.mark.parametrize(("tls", "chain"), [(None, "0.0.0.0_8080"), (PEER, "0.0.0.0_8080")])
def test_both_come_in_where_it_is_permitted(tls, chain):
    path = coming(MESH, replace(PLAIN, tls=tls))
    assert path.named("filter chain") == chain
    assert path.named("cluster") == "inbound|8080||"
    assert not path.refused


def test_a_plain_call_does_not_come_in_where_peers_alone_may():
    assert not coming(MESH + STRICT, replace(PLAIN, tls=PEER)).refused
    path = coming(MESH + STRICT, PLAIN)
    assert "no filter chain matches" in path.end
    lost = next(step for step in path.steps if step.kind == "filter chain").lost
    assert any(one.why == "it is for transport tls" for one in lost)


def test_a_port_that_no_service_has():
    path = coming(MESH, replace(PLAIN, port=9999))
    assert path.named("cluster") == "InboundPassthroughCluster"


def test_the_port_of_the_proxy_itself_leads_nowhere():
    path = coming(MESH, replace(PLAIN, port=15006))
    assert path.named("filter chain") == "virtualInbound-blackhole"
    assert path.refused


@pytest.mark.parametrize(
    ("rules", "action", "call", "refused"),
    [
        ("{to: [{operation: {paths: [/open/*]}}]}", "ALLOW", PLAIN, False),
        ("{to: [{operation: {paths: [/other]}}]}", "ALLOW", PLAIN, True),
        ("{to: [{operation: {methods: [GET]}}]}", "DENY", PLAIN, True),
        ("{to: [{operation: {ports: ['80']}}]}", "DENY", PLAIN, False),
        ("{from: [{source: {namespaces: [default]}}]}", "ALLOW", PLAIN, True),
        ("{from: [{source: {namespaces: [default]}}]}", "ALLOW", replace(PLAIN, tls=PEER), False),
        ("{from: [{source: {ipBlocks: [10.0.0.0/24]}}]}", "DENY", PLAIN, True),
        ("{from: [{source: {requestPrincipals: ['*']}}]}", "ALLOW", PLAIN, True),
        ("{when: [{key: 'request.headers[x-a]', values: [b*]}]}", "ALLOW", PLAIN, True),
    ],
)
def test_policies(rules, action, call, refused):
    path = coming(MESH + policy(rules, action), call)
    assert path.refused == refused
    assert path.status == (403 if refused else 0)
    step = next(one for one in path.steps if one.kind == "policy")
    matched = (action == "DENY") == refused
    name = "ns[default]-policy[guard]-rule[0]"
    assert step.name == (name if matched else "")
    assert [one.name for one in step.lost] == ([] if matched else [name])


TOKENS = """\
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: default}
spec: {jwtRules: [{issuer: me, jwks: '{"keys": []}'}]}
"""


@pytest.mark.parametrize(
    ("claims", "status"),
    [(None, 403), ({"iss": "me", "groups": ["a", "b"]}, 0), ({"iss": "me"}, 403), ({}, 401)],
)
def test_claims(claims, status):
    rule = "{when: [{key: 'request.auth.claims[groups]', values: [b]}]}"
    path = coming(MESH + TOKENS + policy(rule), replace(PLAIN, claims=claims))
    assert path.status == status


def test_policies_of_connections():
    rule = "{from: [{source: {principals: ['cluster.local/ns/default/sa/friend']}}]}"
    peer = Tls("", ("istio-peer-exchange", "istio"), FRIEND)
    call = Call("10.0.0.1", 90, "10.0.0.9", tls=peer)
    assert not coming(MESH + policy(rule), call).refused
    stranger = replace(call, tls=replace(peer, identity="spiffe://cluster.local/ns/x/sa/y"))
    path = coming(MESH + policy(rule), stranger)
    assert (path.refused, path.status) == (True, 0)
