"""What is wrong with Gateways, with file and line."""

import pytest

from lateen.control.translate.problems import problems
from tests.support.gateways import HTTP, TCP, gateway, https, pair, secret, virtual_service
from tests.support.mesh import mesh_of

POD = """\
---
apiVersion: v1
kind: Pod
metadata: {name: gw-1, namespace: edge, labels: {istio: ingress, app: gw}}
spec: {containers: []}
status: {podIP: 10.0.0.9}
"""
OWN = secret("c", **pair("srv"))


def told(text):
    return [(one.line, one.path, one.message) for one in problems(mesh_of(text))]


def test_nothing_is_wrong_with_what_fits():
    assert told(gateway(HTTP, https()) + POD + OWN) == []


def test_conflicts_are_told_once_though_several_gateways_select_alike():
    narrow = gateway(HTTP, name="narrow", selector="{istio: ingress, app: gw}")
    text = gateway(HTTP, TCP) + gateway(HTTP, name="mid", selector="{app: gw}") + narrow
    message = "servers[0] of Gateway edge/gw listens to port 80 without TLS"
    (only,) = told(text)
    assert (only[1], only[2]) == ("spec.servers[1]", message)


def test_gateways_of_other_labels_do_not_meet():
    assert told(gateway(HTTP) + gateway(TCP, name="other", selector="{istio: egress}")) == []


@pytest.mark.parametrize(
    ("secrets", "messages"),
    [
        ("", ["there is no Secret edge/c"]),
        (OWN.replace("namespace: edge", "namespace: shop"), ["there is no Secret edge/c"]),
        (
            secret("c", **{"tls.crt": "srv.pem", "tls.key": "two.key"}),
            [
                "Secret edge/c is of no use: "
                "tls.key is not the key of the first certificate of tls.crt"
            ],
        ),
        (
            secret("c", a="srv.pem"),
            ["Secret edge/c is of no use: it needs tls.crt and tls.key, or cert and key; it has a"],
        ),
    ],
)
def test_a_credential_must_be_where_the_gateway_is(secrets, messages):
    found = told(gateway(https()) + POD + secrets)
    assert [message for _, _, message in found] == messages
    assert {path for _, path, _ in found} == {"spec.servers[0].tls.credentialName"}


def test_without_a_known_workload_any_namespace_will_do():
    elsewhere = OWN.replace("namespace: edge", "namespace: shop")
    assert told(gateway(https()) + elsewhere) == []
    ((_, _, message),) = told(gateway(https()))
    assert message == "there is no Secret c"


def test_clients_need_roots():
    ((_, path, message),) = told(gateway(https(mode="MUTUAL")) + POD + OWN)
    assert path == "spec.servers[0].tls.credentialName"
    assert message.startswith("Secret edge/c is of no use: it needs ca.crt or cacert; it has tls.")
    own = gateway(https(mode="MUTUAL", tls=", credentialName: c, caCertCredentialName: r"))
    ((_, path, message),) = told(own + POD + OWN)
    assert (path, message) == (
        "spec.servers[0].tls.caCertCredentialName",
        "there is no Secret edge/r",
    )
    listed = gateway(https(mode="MUTUAL", tls=", credentialNames: [c, d]"))
    assert [path for _, path, _ in told(listed + POD + OWN)] == [
        "spec.servers[0].tls.credentialNames",
        "spec.servers[0].tls.credentialNames",
    ]


RULE = """\
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: out, namespace: edge}
spec: {host: out.com, trafficPolicy: {tls: {mode: SIMPLE, credentialName: c}}}
"""


def test_rules_need_their_credentials_too():
    place = "spec.trafficPolicy.tls.credentialName"
    ((_, path, message),) = told(RULE)
    assert (path, message) == (place, "there is no Secret c")
    assert told(RULE + secret("c", cacert="ca.pem")) == []
    ((_, path, message),) = told(RULE.replace("SIMPLE", "MUTUAL") + secret("c", cacert="ca.pem"))
    assert (path, message.partition(":")[0]) == (place, "Secret edge/c is of no use")


SERVICE = """\
---
apiVersion: v1
kind: Service
metadata: {name: gw, namespace: edge}
spec: {selector: {istio: ingress}, ports: [{name: http, port: 80}]}
"""
TO_GATEWAY = "{route: [{destination: {host: gw.edge.svc.cluster.local}}]}"


@pytest.mark.parametrize(
    ("http", "goes_round"),
    [
        (TO_GATEWAY, True),
        (f"{{match: [{{gateways: [mesh]}}], {TO_GATEWAY[1:]}", False),
        (f"{{match: [{{gateways: [mesh, edge/gw]}}], {TO_GATEWAY[1:]}", True),
        (f"{{match: [{{uri: {{prefix: /a}}}}], {TO_GATEWAY[1:]}", True),
        (f"{{route: [{{destination: {{host: out.com}}}}]}}, {TO_GATEWAY}", False),
        (f"{{rewrite: {{authority: b.test}}, {TO_GATEWAY[1:]}", False),
    ],
)
def test_requests_that_come_back_are_told(http, goes_round):
    rule = virtual_service(http, hosts="[out.com]", gateways="[mesh, edge/gw]")
    found = told(gateway(HTTP) + POD + SERVICE + rule)
    message = "requests for out.com go from edge/gw to edge/gw"
    assert [one[2] for one in found] == ([message] if goes_round else [])


def test_a_cycle_of_several_gateways_is_told_once():
    other = "{istio: egress}"
    text = (
        gateway(HTTP)
        + POD
        + SERVICE
        + gateway(HTTP, name="out", selector=other)
        + (POD + SERVICE).replace("istio: ingress", "istio: egress").replace("gw", "out")
    )
    there = virtual_service(
        "{route: [{destination: {host: out.edge.svc.cluster.local}}]}", name="there"
    )
    back = virtual_service(TO_GATEWAY, name="back", gateways="[edge/out]")
    ((line, path, message),) = told(text.replace("10.0.0.9", "10.0.0.8", 1) + there + back)
    assert message == "requests for a.test go from edge/gw to edge/out to edge/gw"
    assert (path, line > 1) == ("spec.http[0]", True)
