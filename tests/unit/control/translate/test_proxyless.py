from dataclasses import replace

import pytest

from lateen.control.push.generated import Generated
from lateen.control.push.session import Session
from lateen.control.translate import api
from lateen.xds.messages import SotwRequest
from lateen.xds.resource_types import CDS, EDS, LDS, RDS
from tests.support.mesh import mesh_of, sidecar

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: default}
spec: {clusterIP: 10.1.0.1, ports: [{name: grpc, port: 7070}]}
---
"""
ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a, namespace: default}
spec: {hosts: [a], http: [{route: [{destination: {host: b.default.svc.cluster.local}}]}]}
"""
SUBSET = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a, namespace: default}
spec: {host: a, subsets: [{name: v1, labels: {version: v1}}]}
"""
HOST = "a.default.svc.cluster.local:7070"
A = "outbound|7070||a.default.svc.cluster.local"
CALLER = replace(sidecar(), proxyless=True)


def named(text, type_url, name):
    return Generated(mesh_of(text)).of(CALLER).named(type_url, name)


@pytest.mark.parametrize("name", [HOST, "a:7070"])
def test_a_listener_leads_to_the_routes_of_its_service(name):
    made = api.Listener.FromString(named(SERVICE, LDS.type_url, name).body)
    manager = api.HttpConnectionManager.FromString(made.api_listener.api_listener.value)
    assert (made.name, manager.rds.route_config_name) == (name, A)
    assert manager.http_filters[-1].name == "envoy.filters.http.router"


@pytest.mark.parametrize("name", ["a", "a:7071", "b:7070", "a:x", "a:²", "", HOST + "0"])
def test_there_is_no_listener_of_another_name(name):
    assert named(SERVICE, LDS.type_url, name) is None


def test_routes_are_those_of_virtual_services():
    def cluster(text):
        made = api.RouteConfiguration.FromString(named(text, RDS.type_url, A).body)
        (host,) = made.virtual_hosts
        assert (made.name, list(host.domains)) == (A, ["*"])
        return host.routes[0].route.cluster

    assert cluster(SERVICE) == A
    assert cluster(SERVICE + ROUTE) == A.replace("a.default", "b.default")
    assert named(SERVICE, RDS.type_url, "80") is None


def test_a_cluster_is_balanced_as_grpc_can():
    subset = A.replace("||", "|v1|")
    for name in (A, subset):
        made = api.Cluster.FromString(named(SERVICE + SUBSET, CDS.type_url, name).body)
        assert (made.name, made.type) == (name, api.Cluster.EDS)
        assert made.lb_policy == api.Cluster.ROUND_ROBIN
        assert made.eds_cluster_config.service_name == name
    assert named(SERVICE, CDS.type_url, subset) is None


def test_nothing_is_sent_that_is_not_asked_for():
    session, at = Session(), Generated(mesh_of(SERVICE)).of(CALLER)
    session.on_sotw(SotwRequest(LDS.type_url, names=(HOST,)))
    answer = session.answer_to(LDS.type_url, at)
    assert [one.name for one in answer.resources] == [HOST]
    assert at.all_of(CDS.type_url) == {}
    assert at.named(EDS.type_url, A) is not None


def test_a_change_is_told_by_name():
    before = Generated(mesh_of(SERVICE))
    for type_url, name in ((LDS.type_url, HOST), (RDS.type_url, A), (CDS.type_url, A)):
        before.of(CALLER).named(type_url, name)
    mesh = before.mesh.after(before.mesh.config, mesh_of(SERVICE + ROUTE).resources)
    later, changed = before.after(mesh, [CALLER])
    names = changed.of(later.scopes.of(CALLER))
    assert {kind: set(found) for kind, found in names.items() if found} == {RDS.type_url: {A}}
