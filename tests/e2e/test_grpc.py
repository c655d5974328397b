"""A real gRPC client and a real gRPC server, with the proxy between them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import grpc
import pytest

from tests.e2e.conftest import Config, bootstrap
from tests.interop.cases.grpc_stats import frames
from tests.support.client import Client, post
from tests.support.grpc_service import GrpcClient, GrpcService
from tests.support.proxies import Proxy

LIMIT = 30
MESSAGES = 10_000
_FILTERS = "type.googleapis.com/envoy.extensions.filters.http"
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def http_filter(kind: str, **fields: object) -> Config:
    """One filter of a chain."""
    typed = {"@type": f"{_FILTERS}.{kind}", **fields}
    return {"name": f"envoy.filters.http.{kind.partition('.')[0]}", "typed_config": typed}


ROUTER = http_filter("router.v3.Router")
STATS = http_filter("grpc_stats.v3.FilterConfig", stats_for_all_methods=True)
WEB = http_filter("grpc_web.v3.GrpcWeb")
BRIDGE = http_filter("grpc_http1_bridge.v3.Config", upgrade_protobuf_to_grpc=True)


@pytest.fixture
def service() -> Iterator[GrpcService]:
    with GrpcService() as service:
        yield service


@pytest.fixture
def proxied(
    service: GrpcService, start: Callable[..., Proxy], lease: Callable[[], int]
) -> Callable[..., tuple[Proxy, int]]:
    """Starts the proxy before the service: filters, and fields of the route."""

    def run(*filters: Config, **action: object) -> tuple[Proxy, int]:
        port = lease()
        route = {"cluster": "be", "timeout": "0s", **action}
        routes = [{"match": {"prefix": "/"}, "route": route}]
        hosts = [{"name": "vh", "domains": ["*"], "routes": routes}]
        config = bootstrap(
            port,
            service.port,
            http2_protocol_options={},
            http_filters=[*filters, ROUTER],
            route_config={"name": "local", "virtual_hosts": hosts},
        )
        resources = config["static_resources"]
        assert isinstance(resources, dict)
        resources["clusters"][0]["typed_extension_protocol_options"] = {
            _OPTIONS: {
                "@type": f"type.googleapis.com/{_OPTIONS}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        }
        return start(config), port

    return run


FILTERS = [(), (STATS,), (WEB, STATS, BRIDGE)]
Proxied = Callable[..., tuple[Proxy, int]]


@pytest.mark.parametrize("filters", FILTERS, ids=["bare", "stats", "all"])
def test_calls_of_each_kind(proxied: Proxied, filters: tuple[Config, ...]) -> None:
    _, port = proxied(*filters)
    with GrpcClient(port) as client:
        answer, call = client.unary.with_call(b"abc", timeout=LIMIT)
        assert answer == b"cba"
        assert ("x-first", "1") in call.initial_metadata()
        assert ("x-last", "2") in call.trailing_metadata()
        assert client.count(iter([b"a", b"bc"]), timeout=LIMIT) == b"2 3"
        assert list(client.many(b"3", timeout=LIMIT)) == [b"0", b"1", b"2"]
        assert list(client.each(iter([b"ab", b"cd"]), timeout=LIMIT)) == [b"ba", b"dc"]


@pytest.mark.parametrize("filters", FILTERS, ids=["bare", "stats", "all"])
def test_ten_thousand_messages_a_stream(proxied: Proxied, filters: tuple[Config, ...]) -> None:
    proxy, port = proxied(*filters)
    sent = [str(number).encode() * 5 for number in range(MESSAGES)]
    with GrpcClient(port) as client:
        assert list(client.each(iter(sent), timeout=LIMIT)) == [each[::-1] for each in sent]
        counted = client.count(iter(sent), timeout=LIMIT)
        assert counted == f"{MESSAGES} {sum(map(len, sent))}".encode()
        assert len(list(client.many(str(MESSAGES).encode(), timeout=LIMIT))) == MESSAGES
    if not filters:
        return
    found = proxy.stats("filter=grpc.test.Echo")
    counts = {name.partition("Echo.")[2]: value for name, value in found.items()}
    assert counts["Each.request_message_count"] == MESSAGES
    assert counts["Each.response_message_count"] == MESSAGES
    assert counts["Count.request_message_count"] == MESSAGES
    assert counts["Many.response_message_count"] == MESSAGES
    assert counts["Each.0"] == counts["Each.success"] == counts["Each.total"] == 1


@pytest.mark.parametrize("filters", FILTERS, ids=["bare", "stats", "all"])
def test_errors_reach_the_client(proxied: Proxied, filters: tuple[Config, ...]) -> None:
    _, port = proxied(*filters)
    with GrpcClient(port) as client, pytest.raises(grpc.RpcError) as failed:
        client.fail(b"ready", timeout=LIMIT)
    assert failed.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert failed.value.details() == "not ready 100% é"
    assert ("x-why", "because") in failed.value.trailing_metadata()


def test_a_client_that_gives_up_cancels_the_call(proxied: Proxied, service: GrpcService) -> None:
    _, port = proxied(STATS)
    with GrpcClient(port) as client:
        call = client.wait.future(b"", timeout=LIMIT)
        assert service.waiting.wait(LIMIT)
        call.cancel()
        assert service.cancelled.wait(LIMIT)
        assert call.code() is grpc.StatusCode.CANCELLED


def test_a_deadline_ends_the_call_everywhere(proxied: Proxied, service: GrpcService) -> None:
    _, port = proxied()
    with GrpcClient(port) as client, pytest.raises(grpc.RpcError) as failed:
        client.wait(b"", timeout=0.3)
    assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert service.cancelled.wait(LIMIT)


def test_a_route_cuts_deadlines_short(proxied: Proxied, service: GrpcService) -> None:
    _, port = proxied(max_stream_duration={"grpc_timeout_header_max": "0.3s"})
    with GrpcClient(port) as client, pytest.raises(grpc.RpcError) as failed:
        client.wait(b"", timeout=LIMIT)
    assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert service.cancelled.wait(LIMIT)


def test_calls_are_made_again_by_their_status(proxied: Proxied, service: GrpcService) -> None:
    service.unavailable = 2
    backoff = {"base_interval": "0.001s", "max_interval": "0.002s"}
    _, port = proxied(
        STATS,
        retry_policy={"retry_on": "unavailable", "num_retries": 2, "retry_back_off": backoff},
    )
    with GrpcClient(port) as client:
        assert client.flaky(b"x", timeout=LIMIT) == b"x"
    assert service.calls["Flaky"] == 3


def test_without_a_server_calls_are_unavailable(proxied: Proxied, service: GrpcService) -> None:
    _, port = proxied(STATS)
    service.close()
    with GrpcClient(port) as client, pytest.raises(grpc.RpcError) as failed:
        client.unary(b"x", timeout=LIMIT)
    assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
    assert failed.value.details().startswith("upstream connect error or disconnect/reset")


def test_a_browser_calls_a_real_server(proxied: Proxied) -> None:
    proxy, port = proxied(WEB)
    kind = "application/grpc-web-text"
    headers = f"content-type: {kind}\r\naccept: {kind}\r\nx-grpc-web: 1\r\n"
    asked = base64.b64encode(frames(b"abc"))
    with Client(("127.0.0.1", port), timeout=LIMIT) as client:
        response = client.request(post("/test.Echo/Unary", asked, headers=headers), "POST")
    assert (response.status, response.get("content-type")) == (200, f"{kind}+proto")
    assert response.get("x-first") == "1"
    message = base64.b64encode(frames(b"cba"))
    assert response.body.data.startswith(message)
    trailers = base64.b64decode(response.body.data[len(message) :])
    assert trailers[0] == 0x80
    assert int.from_bytes(trailers[1:5], "big") == len(trailers) - 5
    lines = trailers[5:].split(b"\r\n")
    assert b"grpc-status:0" in lines
    assert b"x-last:2" in lines
    assert proxy.stats("filter=grpc-web.test.Echo.Unary.success")


def test_an_http1_client_calls_a_real_server(proxied: Proxied) -> None:
    _, port = proxied(BRIDGE)
    headers = "content-type: application/x-protobuf\r\nte: trailers\r\n"
    with Client(("127.0.0.1", port), timeout=LIMIT) as client:
        good = client.request(post("/test.Echo/Unary", b"abc", headers=headers), "POST")
        bad = client.request(post("/test.Echo/Fail", b"ready", headers=headers), "POST")
    assert (good.status, good.body.data, good.get("grpc-status")) == (200, b"cba", "0")
    assert bad.get("grpc-status") == "9"
    assert bad.get("grpc-message") == "not ready 100%25 %C3%A9"
