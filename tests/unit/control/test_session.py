from dataclasses import replace

import pytest

from lateen.control.push.generated import Generated, blob
from lateen.control.push.session import Session
from lateen.control.translate import api
from lateen.xds.messages import DeltaRequest, SotwRequest
from lateen.xds.resource_types import CDS, EDS, LDS, RDS, SDS
from tests.support.gateways import HTTP, gateway, https, pair, secret
from tests.support.mesh import mesh_of, router, sidecar

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: default}
spec: {clusterIP: 10.1.0.1, selector: {app: a}, ports: [{name: http, port: 80}]}
---
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: default, labels: {app: a}}
spec: {containers: []}
status: {podIP: ADDRESS}
"""
A = "outbound|80||a.default.svc.cluster.local"
B = "outbound|80||b.default.svc.cluster.local"


def scoped(*names, pod="10.0.0.9"):
    text = "".join(SERVICE.replace("NAME", name) for name in names)
    return Generated(mesh_of(text + POD.replace("ADDRESS", pod))).of(sidecar())


def sent(response):
    return sorted(one.name for one in response.resources)


def open_all(session, at):
    """A delta client's first requests, all acknowledged."""
    for type_url, names in (
        (CDS.type_url, ()),
        (EDS.type_url, (A,)),
        (LDS.type_url, ()),
        (RDS.type_url, ("80",)),
    ):
        assert session.on_delta(DeltaRequest(type_url, subscribe=names))
        acknowledge(session, session.answer_to(type_url, at))


def acknowledge(session, response):
    assert not session.on_delta(DeltaRequest(response.type_url, nonce=response.nonce))


def test_a_first_request_gets_everything():
    session = Session()
    assert session.on_delta(DeltaRequest(CDS.type_url))
    answer = session.answer_to(CDS.type_url, scoped("a"))
    assert sent(answer) == sorted(
        [A, "BlackHoleCluster", "InboundPassthroughCluster", "PassthroughCluster"]
    )
    acknowledge(session, answer)
    assert session.watches[CDS.type_url].acknowledged == answer.nonce


def test_what_a_client_has_is_not_sent_again():
    first = Session()
    first.on_delta(DeltaRequest(CDS.type_url))
    had = {one.name: one.version for one in first.answer_to(CDS.type_url, scoped("a")).resources}
    session = Session()
    session.on_delta(DeltaRequest(CDS.type_url, initial_versions=had))
    answer = session.answer_to(CDS.type_url, scoped("b"))
    assert (sent(answer), answer.removed) == ([B], [A])


def test_only_what_changed_is_pushed():
    session, before = Session(), scoped("a")
    open_all(session, before)
    assert session.push(scoped("a")) == []
    (endpoints,) = session.push(scoped("a", pod="10.0.0.8"))
    assert (endpoints.type_url, sent(endpoints)) == (EDS.type_url, [A])


def test_a_new_service_is_a_cluster_and_a_route_in_this_order():
    session = Session()
    open_all(session, scoped("a"))
    pushed = session.push(scoped("a", "b"))
    assert [(one.type_url, sent(one)) for one in pushed] == [
        (CDS.type_url, [B]),
        (RDS.type_url, ["80"]),
    ]


def test_what_is_gone_is_told():
    session = Session()
    open_all(session, scoped("a", "b"))
    (clusters, _) = session.push(scoped("a"))
    assert (sent(clusters), clusters.removed) == ([], [B])


def test_a_service_that_is_not_there_has_no_endpoints_until_it_is():
    session = Session()
    session.on_delta(DeltaRequest(EDS.type_url, subscribe=(B, "nonsense")))
    (empty,) = session.answer_to(EDS.type_url, scoped("a")).resources
    assert empty.body == blob(api.ClusterLoadAssignment(cluster_name=B)).body
    (found,) = session.push(scoped("a", "b"))
    assert sent(found) == [B]


def test_what_is_asked_for_again_is_sent_again():
    session, at = Session(), scoped("a")
    open_all(session, at)
    assert session.on_delta(DeltaRequest(EDS.type_url, subscribe=(A,)))
    assert sent(session.answer_to(EDS.type_url, at)) == [A]


def test_what_is_not_wanted_any_more_is_not_sent():
    session = Session()
    open_all(session, scoped("a"))
    assert not session.on_delta(DeltaRequest(EDS.type_url, unsubscribe=(A,)))
    assert session.push(scoped("a", pod="10.0.0.8")) == []


def test_a_refusal_is_kept_and_what_was_refused_is_not_sent_again():
    session, at = Session(), scoped("a")
    session.on_delta(DeltaRequest(CDS.type_url))
    answer = session.answer_to(CDS.type_url, at)
    refusal = DeltaRequest(CDS.type_url, nonce=answer.nonce, error="no such policy")
    assert not session.on_delta(refusal)
    watch = session.watches[CDS.type_url]
    assert (watch.refused, watch.acknowledged, session.refusals) == ("no such policy", "", 1)
    assert session.push(at) == []
    (again,) = session.push(scoped("b"))
    acknowledge(session, again)
    assert watch.refused == ""


def test_a_request_about_an_older_answer_is_dropped_and_counted():
    session = Session()
    open_all(session, scoped("a"))
    assert not session.on_delta(DeltaRequest(CDS.type_url, subscribe=("x",), nonce="old"))
    assert session.stale == 1
    assert "x" not in session.watches[CDS.type_url].names


def test_state_of_the_world_sends_all_that_is_wanted():
    session = Session()
    assert session.on_sotw(SotwRequest(CDS.type_url))
    first = session.answer_to(CDS.type_url, scoped("a"))
    assert not session.on_sotw(SotwRequest(CDS.type_url, nonce=first.nonce, version=first.version))
    (second,) = session.push(scoped("a", "b"))
    assert (sent(second)[-2:], second.removed) == ([A, B], ())
    assert session.on_sotw(SotwRequest(EDS.type_url, names=(A,)))
    third = session.answer_to(EDS.type_url, scoped("a", "b"))
    assert sent(third) == [A]
    assert session.on_sotw(SotwRequest(EDS.type_url, names=(A, B), nonce=third.nonce))


def test_proxies_of_one_scope_share_what_they_are_sent():
    made = []
    generated = Generated(mesh_of(SERVICE.replace("NAME", "a")), made.append)
    one, same = generated.of(sidecar(name="x-1")), generated.of(sidecar(name="x-2"))
    other = generated.of(sidecar(namespace="other"))
    assert one is same
    assert one is not other
    assert len(made) == 2
    assert one.named(EDS.type_url, A) is other.named(EDS.type_url, A)


@pytest.mark.parametrize("name", ["nonsense", "a|b|c|d", ""])
def test_names_that_nobody_gave_are_nothing(name):
    at = scoped("a")
    assert at.named(EDS.type_url, name) is None
    assert at.named(RDS.type_url, name) is None


def edge(certificate="srv"):
    text = gateway(HTTP, https()) + (secret("c", **pair(certificate)) if certificate else "")
    return Generated(mesh_of(text)).of(replace(router(), trusted=True))


def test_a_secret_is_sent_once_it_is_there_and_whenever_it_changes():
    session = Session()
    session.on_delta(DeltaRequest(SDS.type_url, subscribe=("kubernetes://c", "kubernetes://d")))
    assert sent(session.answer_to(SDS.type_url, edge(certificate=""))) == []
    (first,) = session.push(edge())
    assert (first.type_url, sent(first)) == (SDS.type_url, ["kubernetes://c"])
    assert session.push(edge()) == []
    (second,) = session.push(edge(certificate="rsa"))
    assert first.resources[0].version != second.resources[0].version


def test_secrets_are_for_proxies_that_are_known():
    generated = Generated(mesh_of(gateway(https()) + secret("c", **pair("srv"))))
    assert generated.of(router()).named(SDS.type_url, "kubernetes://c") is None
    trusted = generated.of(replace(router(), trusted=True))
    assert trusted.named(SDS.type_url, "kubernetes://c") is not None


def test_a_gateway_has_tables_by_its_servers_names():
    at = edge()
    assert at.named(RDS.type_url, "http.80").body
    gone = at.named(RDS.type_url, "http.81")
    assert not api.RouteConfiguration.FromString(gone.body).virtual_hosts


def test_a_changed_cluster_has_its_endpoints_sent_again():
    rule = """\
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a, namespace: default}
spec: {host: a, trafficPolicy: {connectionPool: {tcp: {maxConnections: 7}}}}
"""
    text = SERVICE.replace("NAME", "a") + POD.replace("ADDRESS", "10.0.0.9")
    session = Session()
    open_all(session, scoped("a"))
    clusters, endpoints = session.push(Generated(mesh_of(text + rule)).of(sidecar()))
    assert (clusters.type_url, sent(clusters)) == (CDS.type_url, [A])
    assert (endpoints.type_url, sent(endpoints)) == (EDS.type_url, [A])
