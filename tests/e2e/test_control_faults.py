"""A control plane among proxies that misbehave, and one that starts again."""

from __future__ import annotations

import grpc
import pytest

from lateen.protos import envoy_types
from lateen.xds.codec import decode_sotw, encode_request
from lateen.xds.messages import DeltaRequest, SotwRequest
from lateen.xds.resource_types import CDS, EDS, LDS, RDS, ads_path
from tests.support.mesh_client import AdsClient, control_plane
from tests.support.waiting import until

SERVICES = 40
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: default}
spec: {clusterIP: 10.1.0.NUMBER, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: NAME-1, namespace: default, labels: {kubernetes.io/service-name: NAME}}
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.NUMBER.ADDRESS]}]
---
"""
CLUSTER = "outbound|80||s-1.default.svc.cluster.local"


def node(number):
    return f"sidecar~10.9.0.{number}~p-{number}.default~default.svc.cluster.local"


def services(address=9):
    texts = (
        SERVICE.replace("NAME", f"s-{number}").replace("NUMBER", str(number))
        for number in range(1, SERVICES)
    )
    return "".join(texts).replace("ADDRESS", str(address))


@pytest.fixture
def plane(tmp_path):
    (tmp_path / "mesh.yaml").write_text(services())
    with control_plane(tmp_path) as made:
        yield made


def names_of(clusters):
    return sorted(name for name in clusters if name.startswith("outbound"))


def test_a_proxy_that_never_reads_holds_up_no_other(plane):
    with AdsClient(plane.port, node(1)) as deaf, AdsClient(plane.port, node(2)) as well:
        deaf.ask(CDS.type_url)
        for _ in range(200):
            deaf.ask(RDS.type_url, "80")
        clusters = well.fetch(CDS.type_url)
        well.fetch(EDS.type_url, *names_of(clusters))
        for address in range(10, 15):
            plane.write("mesh.yaml", services(address))
            pushed = well.next()
            assert (pushed.type_url, len(pushed.resources)) == (EDS.type_url, SERVICES - 1)
            well.acknowledge(pushed)


def test_a_proxy_that_refuses_everything_is_sent_each_version_once(plane):
    with AdsClient(plane.port, node(1)) as client:
        client.ask(CDS.type_url)
        client.acknowledge(client.next(), "no")
        client.ask(EDS.type_url, CLUSTER)
        client.acknowledge(client.next(), "no")
        plane.write("more.yaml", services().replace("s-", "t-").replace("10.1.0.", "10.2.0."))
        pushed = client.next()
        names = {one.name for one in pushed.resources}
        assert pushed.type_url == CDS.type_url
        assert {name.split("|")[3][0] for name in names} == {"t"}
        client.acknowledge(pushed, "no")
        plane.write("mesh.yaml", services(10))
        pushed = client.next()
        assert (pushed.type_url, [one.name for one in pushed.resources]) == (
            EDS.type_url,
            [CLUSTER],
        )


@pytest.mark.parametrize(
    "said", [b"\xff\xff\xff", b"", DeltaRequest(CDS.type_url)], ids=["bytes", "nothing", "no node"]
)
def test_garbage_ends_the_stream_that_it_comes_on_and_no_other(plane, said):
    with AdsClient(plane.port, node(1)) as well, AdsClient(plane.port, node(2)) as bad:
        well.fetch(CDS.type_url)
        if isinstance(said, bytes):
            bad.send_raw(said)
        else:
            bad.forget_node()
            bad.send(said)
        with pytest.raises(grpc.RpcError) as raised:
            bad.next()
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        well.fetch(LDS.type_url)


def test_garbage_after_a_good_request_ends_the_stream(plane):
    with AdsClient(plane.port, node(1)) as client:
        client.fetch(CDS.type_url)
        client.send_raw(b"\xff\xff\xff")
        with pytest.raises(grpc.RpcError) as raised:
            client.next()
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_proxies_that_come_and_go_leave_nothing(plane):
    for round_ in range(5):
        clients = [AdsClient(plane.port, node(number)) for number in range(1, 30)]
        for client in clients:
            client.ask(CDS.type_url)
        for client in clients[:: 1 + round_ % 2]:
            assert client.next().type_url == CDS.type_url
        for client in clients:
            client.close()
    done = until(lambda: "no proxies" in (found := plane.run("proxy-status")).stdout and found)
    assert done.returncode == 0


def test_what_a_proxy_has_is_not_sent_again_after_a_restart(plane):
    with AdsClient(plane.port, node(1)) as client:
        clusters = client.fetch(CDS.type_url)
        endpoints = client.fetch(EDS.type_url, *names_of(clusters))
        listeners = client.fetch(LDS.type_url)
        routes = client.fetch(RDS.type_url, "80")
    with control_plane(plane.directory) as again, AdsClient(again.port, node(1)) as client:
        assert client.fetch(CDS.type_url, initial_versions=clusters) == {}
        assert client.fetch(EDS.type_url, *endpoints, initial_versions=endpoints) == {}
        assert client.fetch(LDS.type_url, initial_versions=listeners) == {}
        assert client.fetch(RDS.type_url, "80", initial_versions=routes) == {}
        again.write("mesh.yaml", services(10))
        pushed = client.next()
        assert (pushed.type_url, len(pushed.resources)) == (EDS.type_url, SERVICES - 1)


def test_a_directory_that_goes_and_comes_back_changes_nothing_until_it_says_something(plane):
    with AdsClient(plane.port, node(1)) as client:
        client.fetch(CDS.type_url)
        elsewhere = plane.directory.with_name("elsewhere")
        plane.directory.rename(elsewhere)
        elsewhere.rename(plane.directory)
        plane.write("mesh.yaml", services().replace("s-39", "s-new"))
        pushed = client.next()
        assert [one.name.split("|")[3].split(".")[0] for one in pushed.resources] == ["s-new"]
        assert pushed.removed == ("outbound|80||s-39.default.svc.cluster.local",)


def test_a_stream_of_the_world_is_served_beside(plane):
    with grpc.insecure_channel(f"127.0.0.1:{plane.port}") as channel:
        call = channel.stream_stream(ads_path(delta=False))
        message = envoy_types().message_class("envoy.config.core.v3.Node")(id=node(3))
        request = encode_request(SotwRequest(CDS.type_url), message.SerializeToString())
        response = decode_sotw(next(call(iter([request]))))
        assert len(response.resources) == SERVICES - 1 + 3
