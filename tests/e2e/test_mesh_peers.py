"""What one sidecar makes of the headers of its peers: with, without and with broken metadata."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from tests.support import sidecars
from tests.support.client import Response, fetch, get
from tests.support.proxies import Proxy
from tests.support.sidecars import REQUESTS, SERVICE, Config, Side, only, wait_sample
from tests.support.upstream import Script, Upstream, reply

SIDE = Side("reviews", "shop", Path())
METADATA = "x-envoy-peer-metadata"
PEER_ID = "x-envoy-peer-metadata-id"
CLUSTER = "inbound|9080||"


def header(**fields: object) -> str:
    """The header of a peer."""
    said = Struct()
    said.update(fields)
    return base64.b64encode(said.SerializeToString()).decode()


def told(value: str | None) -> dict[str, object]:
    """What a header says."""
    assert value is not None
    return MessageToDict(Struct.FromString(base64.b64decode(value)))


class One:
    """A sidecar without TLS and what is behind it."""

    def __init__(
        self,
        start: Callable[..., Proxy],
        server: Upstream,
        port: int,
        filters: list[Config],
        log: Path | None = None,
        log_text: str = "",
        direction: str = "inbound",
        name: str = CLUSTER,
        **cluster: object,
    ) -> None:
        self.server, self.port = server, port
        manager = sidecars.manager(filters, name, log, log_text)
        self.proxy = start(
            sidecars.sidecar(
                SIDE,
                sidecars.listener(direction, port, [manager]),
                sidecars.cluster(name, server.port, **cluster),
            )
        )

    def get(self, headers: str = "") -> Response:
        """Asks for something."""
        return fetch(self.port, get("/", SERVICE, headers))

    def received(self, name: str) -> str | None:
        """A header of the last request as the server got it."""
        return self.server.requests[-1].head.get(name)


@pytest.fixture
def one(
    start: Callable[..., Proxy], upstream: Callable[[Script], Upstream], lease: Callable[[], int]
) -> Callable[..., One]:
    """A sidecar with these filters; its server says that it is another one."""
    extra = f"{METADATA}: {header(WORKLOAD_NAME='ratings', NAMESPACE='stars')}\r\n"
    script = Script([reply(headers=extra)])
    return lambda filters, **more: One(start, upstream(script), lease(), filters, **more)


def test_who_asks_is_told(one: Callable[..., One]) -> None:
    sidecar = one([sidecars.peer_metadata("inbound"), sidecars.istio_stats()])
    answer = sidecar.get(f"{PEER_ID}: them\r\n{METADATA}: {header(WORKLOAD_NAME='web')}\r\n")
    assert answer.get(PEER_ID) == SIDE.node()["id"]
    assert told(answer.get(METADATA))["WORKLOAD_NAME"] == "reviews-v1"
    assert sidecar.received(METADATA) is None
    assert sidecar.received(PEER_ID) is None
    labels, _ = only(sidecar.proxy, REQUESTS)
    assert (labels["reporter"], labels["source_workload"]) == ("destination", "web")
    # Without TLS nobody has an identity.
    assert labels["connection_security_policy"] == "none"
    assert labels["source_principal"] == "unknown"


def test_who_gives_an_id_alone_gets_an_id(one: Callable[..., One]) -> None:
    answer = one([sidecars.peer_metadata("inbound")]).get(f"{PEER_ID}: them\r\n")
    assert answer.get(PEER_ID) == SIDE.node()["id"]
    # That of the server goes on: nothing looks for it here.
    assert told(answer.get(METADATA))["WORKLOAD_NAME"] == "ratings"


@pytest.mark.parametrize(
    "sent",
    ["", f"{METADATA}: \r\n", f"{METADATA}: %%%%\r\n", f"{METADATA}: AAAA\r\n"],
    ids=["none", "empty", "no base64", "no message"],
)
def test_peers_that_do_not_say_who_they_are(one: Callable[..., One], sent: str) -> None:
    sidecar = one([sidecars.peer_metadata("inbound"), sidecars.istio_stats()])
    assert sidecar.get(sent).status == 200
    labels, _ = only(sidecar.proxy, REQUESTS)
    assert labels["source_workload"] == "unknown"
    assert labels["source_workload_namespace"] == "unknown"
    assert labels["source_canonical_revision"] == "latest"


def test_additional_labels_and_fields_in_logs(one: Callable[..., One], tmp_path: Path) -> None:
    key = "downstream_peer"
    text = (
        f"%FILTER_STATE({key}_obj:FIELD:workload)% %FILTER_STATE({key}_obj:FIELD:zone)%"
        f" %FILTER_STATE({key}_obj:PLAIN)%\n"
    )
    log = tmp_path / "log"
    filters = [sidecars.peer_metadata("inbound", additional_labels=["role"])]
    sidecar = one(filters, log=log, log_text=text)
    labels = {"role": "front", "other": "x"}
    answer = sidecar.get(f"{METADATA}: {header(WORKLOAD_NAME='web', LABELS=labels)}\r\n")
    said = told(answer.get(METADATA))["LABELS"]
    assert isinstance(said, dict)
    assert said["role"] == "a-reviews"
    sidecar.proxy.close()
    assert log.read_text() == "web - workload=web,labels[]role=front\n"


@pytest.mark.parametrize(
    ("skip", "metadata", "name", "is_told"),
    [
        (False, {}, "out", True),
        (True, {}, "out", True),
        (True, {"external": True}, "out", False),
        (False, {"external": True}, "out", True),
        (False, {"disable_mx": True}, "out", False),
        (True, {}, "PassthroughCluster", False),
    ],
)
def test_what_is_outside_of_the_mesh_is_not_told(
    one: Callable[..., One], skip: bool, metadata: Config, name: str, is_told: bool
) -> None:
    headers: Config = {"skip_external_clusters": skip} if skip else {}
    filters = [
        sidecars.peer_metadata("outbound", upstream_propagation=[{"istio_headers": headers}])
    ]
    fields = {"metadata": {"filter_metadata": {"istio": metadata}}}
    sidecar = one(filters, direction="outbound", name=name, **fields)
    answer = sidecar.get()
    assert (sidecar.received(METADATA) is not None) == is_told
    assert (sidecar.received(PEER_ID) is not None) == is_told
    assert answer.get(METADATA) is None


def test_baggage(one: Callable[..., One]) -> None:
    method = [{"baggage": {}}]
    filters = [
        sidecars.peer_metadata("inbound", downstream_discovery=method, upstream_propagation=method),
        sidecars.istio_stats(),
    ]
    sidecar = one(filters)
    sidecar.get("baggage: k8s.deployment.name=web,service.name=w,k8s.namespace.name=n\r\n")
    said = sidecar.received("baggage")
    assert said is not None
    assert said.startswith("k8s.deployment.name=reviews-v1,service.name=reviews,")
    labels, _ = only(sidecar.proxy, REQUESTS)
    assert (labels["source_workload"], labels["source_app"]) == ("web", "w")
    assert labels["source_workload_namespace"] == "n"


def test_a_gateway_tells_of_both_ends(one: Callable[..., One]) -> None:
    methods = [{"istio_headers": {}}]
    filters = [
        sidecars.peer_metadata("inbound", upstream_discovery=methods),
        sidecars.istio_stats(reporter="SERVER_GATEWAY"),
    ]
    sidecar = one(filters)
    sidecar.get(f"{METADATA}: {header(WORKLOAD_NAME='web')}\r\n")
    labels, _ = only(sidecar.proxy, REQUESTS)
    assert labels["reporter"] == "waypoint"
    assert labels["source_workload"] == "web"
    assert labels["destination_workload"] == "ratings"
    assert labels["destination_workload_namespace"] == "stars"
    assert labels["destination_service_namespace"] == "shop"


def test_the_endpoint_names_a_workload_that_does_not(one: Callable[..., One]) -> None:
    sidecar = one([sidecars.istio_stats()], direction="outbound", workload="r-v1;stars;r;v7;c2")
    sidecar.get()
    labels, _ = only(sidecar.proxy, REQUESTS)
    assert labels["destination_workload"] == "r-v1"
    assert labels["destination_workload_namespace"] == "stars"
    assert labels["destination_canonical_revision"] == "v7"
    assert labels["destination_cluster"] == "c2"


@pytest.mark.parametrize(("fallback", "service"), [(False, "unknown"), (True, SERVICE)])
def test_the_host_stands_for_the_service(
    one: Callable[..., One], fallback: bool, service: str
) -> None:
    stats = sidecars.istio_stats(disable_host_header_fallback=not fallback)
    sidecar = one([stats], direction="outbound", metadata={})
    sidecar.get()
    labels, _ = only(sidecar.proxy, REQUESTS)
    assert labels["destination_service"] == service
    assert labels["destination_service_name"] == service
    assert labels["destination_service_namespace"] == "unknown"


def test_metrics_change(one: Callable[..., One]) -> None:
    metrics = [
        {"tags_to_remove": ["source_principal"]},
        {"name": "requests_total", "dimensions": {"source_app": "'mine'", "own": "'text'"}},
        {"name": "request_bytes", "drop": True},
    ]
    sidecar = one([sidecars.istio_stats(metrics=metrics)])
    sidecar.get()
    labels, _ = only(sidecar.proxy, REQUESTS)
    assert (labels["source_app"], labels["own"]) == ("mine", "text")
    assert "source_principal" not in labels
    kept = wait_sample(sidecar.proxy, "istio_response_bytes_count", 1)
    assert kept["source_app"] == "unknown"
    text = sidecar.proxy.admin("/stats/prometheus").text
    assert not list(sidecars.samples(text, "istio_request_bytes_count"))
    durations = list(sidecars.samples(text, "istio_request_duration_milliseconds_bucket"))
    assert durations[-1][0]["le"] == "+Inf"
    assert [dict(build) for build, _ in sidecars.samples(text, "istio_build")] == [
        {"component": "proxy", "tag": "1.30.0"}
    ]


def test_what_an_earlier_filter_refuses_is_told_of(one: Callable[..., One]) -> None:
    url = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC"
    rbac = sidecars.extension("envoy.filters.http.rbac", url, rules={})
    sidecar = one([rbac, sidecars.istio_stats()])
    assert sidecar.get().status == 403
    labels, _ = only(sidecar.proxy, REQUESTS)
    assert (labels["response_code"], labels["request_protocol"]) == ("403", "http")
