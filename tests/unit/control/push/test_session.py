from dataclasses import replace

import pytest

from lateen.control.push.blob import blob
from lateen.control.push.generated import Generated
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


def pushed(session, at):
    """What is pushed when anything may have changed."""
    session.mark(None)
    return pending(session, at)


def pending(session, at):
    """What is pushed of that which was marked."""
    found = (session.answer_to(type_url, at, "2") for type_url in session.order())
    return [one for one in found if one is not None]


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
    assert pushed(session, scoped("a")) == []
    (endpoints,) = pushed(session, scoped("a", pod="10.0.0.8"))
    assert (endpoints.type_url, sent(endpoints)) == (EDS.type_url, [A])


def test_a_new_service_is_a_cluster_and_a_route_in_this_order():
    session = Session()
    open_all(session, scoped("a"))
    assert [(one.type_url, sent(one)) for one in pushed(session, scoped("a", "b"))] == [
        (CDS.type_url, [B]),
        (RDS.type_url, ["80"]),
    ]


def test_what_is_gone_is_told():
    session = Session()
    open_all(session, scoped("a", "b"))
    (clusters, _) = pushed(session, scoped("a"))
    assert (sent(clusters), clusters.removed) == ([], [B])


def test_a_service_that_is_not_there_has_no_endpoints_until_it_is():
    session = Session()
    session.on_delta(DeltaRequest(EDS.type_url, subscribe=(B, "nonsense")))
    (empty,) = session.answer_to(EDS.type_url, scoped("a")).resources
    assert empty.body == blob(B, api.ClusterLoadAssignment(cluster_name=B)).body
    (found,) = pushed(session, scoped("a", "b"))
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
    assert pushed(session, scoped("a", pod="10.0.0.8")) == []


def test_a_refusal_is_kept_and_what_was_refused_is_not_sent_again():
    session, at = Session(), scoped("a")
    session.on_delta(DeltaRequest(CDS.type_url))
    answer = session.answer_to(CDS.type_url, at)
    refusal = DeltaRequest(CDS.type_url, nonce=answer.nonce, error="no such policy")
    assert not session.on_delta(refusal)
    watch = session.watches[CDS.type_url]
    assert watch.refused == dict.fromkeys(sent(answer), "no such policy")
    assert (watch.acknowledged, session.refusals) == ("", 1)
    assert pushed(session, at) == []
    (again,) = pushed(session, scoped("b"))
    acknowledge(session, again)
    assert A not in watch.refused
    assert B not in watch.refused


def test_a_request_about_an_older_answer_is_dropped_and_counted():
    session = Session()
    open_all(session, scoped("a"))
    assert not session.on_delta(DeltaRequest(CDS.type_url, subscribe=("x",), nonce="old"))
    assert session.stale == 1
    assert "x" not in session.watches[CDS.type_url].names


@pytest.mark.parametrize("delta", [True, False])
def test_a_nonce_of_another_stream_does_not_keep_a_first_request_from_its_answer(delta):
    session = Session()
    if delta:
        assert session.on_delta(DeltaRequest(CDS.type_url, nonce="old"))
    else:
        assert session.on_sotw(SotwRequest(CDS.type_url, nonce="old"))
    assert A in sent(session.answer_to(CDS.type_url, scoped("a")))
    assert session.stale == 0


def test_state_of_the_world_sends_all_that_is_wanted():
    session = Session()
    assert session.on_sotw(SotwRequest(CDS.type_url))
    first = session.answer_to(CDS.type_url, scoped("a"))
    assert not session.on_sotw(SotwRequest(CDS.type_url, nonce=first.nonce, version=first.version))
    (second,) = pushed(session, scoped("a", "b"))
    assert (sent(second)[-2:], second.removed) == ([A, B], ())
    assert session.on_sotw(SotwRequest(EDS.type_url, names=(A,)))
    third = session.answer_to(EDS.type_url, scoped("a", "b"))
    assert sent(third) == [A]
    assert session.on_sotw(SotwRequest(EDS.type_url, names=(A, B), nonce=third.nonce))


def test_only_what_was_marked_is_looked_at():
    session = Session()
    open_all(session, scoped("a"))
    session.mark({EDS.type_url: {A}, RDS.type_url: {"81"}})
    later = scoped("a", "b", pod="10.0.0.8")
    assert [(one.type_url, sent(one)) for one in pending(session, later)] == [(EDS.type_url, [A])]
    assert session.wants_nothing_new
    assert pending(session, later) == []


def test_a_refusal_that_names_a_resource_is_of_that_alone():
    session = Session()
    session.on_delta(DeltaRequest(EDS.type_url, subscribe=(A, B)))
    answer = session.answer_to(EDS.type_url, scoped("a", "b"))
    session.on_delta(DeltaRequest(EDS.type_url, nonce=answer.nonce, error=f"{B}: no such thing"))
    watch = session.watches[EDS.type_url]
    assert watch.refused == {B: f"{B}: no such thing"}
    (again,) = pushed(session, scoped("a", "b", pod="10.0.0.8"))
    acknowledge(session, again)
    assert watch.refused == {}


def test_a_stream_is_settled_when_the_last_answers_were_judged():
    session = Session()
    session.on_delta(DeltaRequest(CDS.type_url))
    answer = session.answer_to(CDS.type_url, scoped("a"))
    assert not session.settled
    session.on_delta(DeltaRequest(CDS.type_url, nonce=answer.nonce, error="no"))
    assert session.settled


def test_nonces_of_one_stream_differ_and_those_of_equal_streams_do_not():
    nonces = []
    for session in (Session(), Session()):
        session.on_delta(DeltaRequest(EDS.type_url, subscribe=(A,)))
        first = session.answer_to(EDS.type_url, scoped("a"), "7/x")
        session.on_delta(DeltaRequest(EDS.type_url, subscribe=(B,), nonce=first.nonce))
        second = session.answer_to(EDS.type_url, scoped("a", "b"), "7/x")
        nonces.append((first.nonce, second.nonce))
    assert nonces[0] == nonces[1]
    assert nonces[0][0] != nonces[0][1]


def test_everything_and_a_name_can_be_wanted_and_everything_given_up():
    session = Session()
    session.on_delta(DeltaRequest(CDS.type_url, subscribe=("*", A)))
    everything = session.answer_to(CDS.type_url, scoped("a", "b"))
    assert {A, B} <= set(sent(everything))
    session.on_delta(DeltaRequest(CDS.type_url, unsubscribe=("*",), nonce=everything.nonce))
    (gone,) = pushed(session, scoped("b"))
    assert (sent(gone), gone.removed) == ([], [A])


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
    (first,) = pushed(session, edge())
    assert (first.type_url, sent(first)) == (SDS.type_url, ["kubernetes://c"])
    assert pushed(session, edge()) == []
    (second,) = pushed(session, edge(certificate="rsa"))
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
    clusters, endpoints = pushed(session, Generated(mesh_of(text + rule)).of(sidecar()))
    assert (clusters.type_url, sent(clusters)) == (CDS.type_url, [A])
    assert (endpoints.type_url, sent(endpoints)) == (EDS.type_url, [A])
