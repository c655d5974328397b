"""gRPC streams against a server that behaves, and one that does not."""

import asyncio

import grpc
import pytest

from lateen.xds.resource_types import CDS, EDS, LDS
from lateen.xds.subscription import BadResource, Outcome
from tests.support.ports import PortLease
from tests.support.xds_server import XdsServer
from tests.unit.proxy.xds.harness import (
    ADS,
    Recorder,
    api,
    bootstrap,
    cluster,
    endpoints,
    listener,
    running,
    until,
    xds_cluster,
    xds_cluster_at,
)

VARIANTS = pytest.mark.parametrize("kind", ["GRPC", "DELTA_GRPC"])


@pytest.fixture
def server():
    with XdsServer() as running_server:
        yield running_server


def ads_bootstrap(server, kind="GRPC", **fields):
    return bootstrap(xds_cluster(server.port), ads=api(kind, **fields))


@VARIANTS
def test_resources_come_over_ads_and_are_acknowledged(server, tmp_path, kind):
    server.identifier = "cp-1"
    server.put(CDS.type_url, {"a": cluster("a"), "b": cluster("b")})

    async def run():
        async with running(ads_bootstrap(server, kind), tmp_path) as client:
            clusters = client.subscribe()
            await until(lambda: clusters.names == ["a", "b"])
            await asyncio.to_thread(server.wait, lambda seen: seen.kind == "ack")
            assert client.value("control_plane.connected_state") == 1
            assert client.value("control_plane.identifier") == "cp-1"
            assert client.value("test.cds.update_attempt") == 2
            assert client.value("test.cds.update_success") == 1
            assert client.value("test.cds.version_text") == "v1"
            assert client.value("test.cds.version") == 9194640092791331756

    asyncio.run(run())
    first, ack = server.requests
    assert first.request.node.id == ack.request.node.id == "node-1"
    assert ack.nonce == "1.1"


@VARIANTS
def test_a_nack_has_the_reason_and_is_counted(server, tmp_path, kind):
    server.put(CDS.type_url, {"a": cluster("a")})

    async def run():
        async with running(ads_bootstrap(server, kind), tmp_path) as client:
            clusters = Recorder()
            clusters.answer = Outcome((BadResource("a", "no good"),))
            client.subscribe(subscriber=clusters)
            nack = await asyncio.to_thread(server.wait, lambda seen: seen.kind == "nack")
            assert nack.error == "a: no good"
            assert nack.request.error_detail.code == 13
            assert client.value("test.cds.update_rejected") == 1
            assert client.value("test.cds.update_success") == 0
            assert f"gRPC config for {CDS.type_url} rejected: a: no good" in str(client.logged)

    asyncio.run(run())


@VARIANTS
def test_a_subscriber_that_fails_rejects_and_the_stream_goes_on(server, tmp_path, kind):
    server.put(CDS.type_url, {"a": cluster("a")})

    async def run():
        async with running(ads_bootstrap(server, kind), tmp_path) as client:
            clusters = Recorder()
            clusters.raises = RuntimeError("a bug")
            client.subscribe(subscriber=clusters)
            nack = await asyncio.to_thread(server.wait, lambda seen: seen.kind == "nack")
            assert nack.error == "internal error: RuntimeError"
            clusters.raises = None
            server.put(CDS.type_url, {"b": cluster("b")})
            await until(lambda: client.value("test.cds.update_success") == 1)

    asyncio.run(run())


@VARIANTS
def test_a_server_that_comes_later_is_found(tmp_path, kind):
    with PortLease() as lease:
        server = XdsServer(lease.port)
        server.put(CDS.type_url, {"a": cluster("a")})

        async def run():
            configured = bootstrap(xds_cluster(lease.port), ads=api(kind))
            async with running(configured, tmp_path) as client:
                clusters = client.subscribe()
                await until(lambda: clusters.failures)
                assert clusters.failures[0][0] == "CONNECTION"
                assert client.value("control_plane.connected_state") == 0
                assert client.value("test.cds.update_failure") >= 1
                lease.close()
                await asyncio.to_thread(server.start)
                await until(lambda: clusters.names == ["a"])
                assert client.value("control_plane.connected_state") == 1

        try:
            asyncio.run(run())
        finally:
            server.close()


@VARIANTS
def test_after_a_loss_the_client_says_what_it_has(server, tmp_path, kind):
    server.put(CDS.type_url, {"a": cluster("a")})

    async def run():
        async with running(ads_bootstrap(server, kind), tmp_path) as client:
            clusters = client.subscribe()
            await until(lambda: clusters.names == ["a"])
            await asyncio.to_thread(server.wait, lambda seen: seen.kind == "ack")
            server.close_streams(grpc.StatusCode.UNAVAILABLE)
            again = await asyncio.to_thread(server.wait, lambda seen: seen.stream == 2)
            if kind == "GRPC":
                assert again.request.version_info == "v1"
            else:
                assert dict(again.request.initial_resource_versions) == {"a": "v1"}
            assert again.nonce == ""
            server.put(CDS.type_url, {"b": cluster("b")})
            await until(lambda: "b" in clusters.names)

    asyncio.run(run())


@VARIANTS
def test_a_restart_with_an_empty_state_ends_in_step(server, tmp_path, kind):
    server.put(CDS.type_url, {"a": cluster("a"), "b": cluster("b")})

    async def run():
        async with running(ads_bootstrap(server, kind), tmp_path) as client:
            clusters = client.subscribe()
            await until(lambda: clusters.names == ["a", "b"])
            await asyncio.to_thread(server.restart, empty=True)
            await asyncio.to_thread(server.wait, lambda seen: seen.stream == 2)
            server.put(CDS.type_url, {"c": cluster("c")})
            await until(lambda: clusters.names == ["c"])
            update = clusters.updates[-1]
            assert update.full if kind == "GRPC" else sorted(update.removed) == ["a", "b"]

    asyncio.run(run())


@VARIANTS
@pytest.mark.parametrize("garbage", [b"\xff\xff", b"\x12\x05abc", b"\x0a\x01\xff"])
def test_garbage_ends_the_stream_and_nothing_else(server, tmp_path, kind, garbage):
    server.put(CDS.type_url, {"a": cluster("a")})

    async def run():
        async with running(ads_bootstrap(server, kind), tmp_path) as client:
            clusters = client.subscribe()
            await until(lambda: clusters.names == ["a"])
            server.send_bytes(garbage)
            await asyncio.to_thread(server.wait, lambda seen: seen.stream == 2)
            server.put(CDS.type_url, {"b": cluster("b")})
            await until(lambda: "b" in clusters.names)
            assert "closed: 13, no " in str(client.logged)

    asyncio.run(run())


@VARIANTS
def test_odd_answers_are_survived(server, tmp_path, kind):
    async def run():
        async with running(ads_bootstrap(server, kind), tmp_path) as client:
            clusters = client.subscribe()
            await asyncio.to_thread(server.wait, lambda seen: seen.kind == "ask")
            server.send("type.googleapis.com/foo.Bar")
            server.send("", nonce="")
            server.send(CDS.type_url, nonce="same")
            server.send(CDS.type_url, nonce="same")
            await until(lambda: len(clusters.updates) == 2)
            assert "Ignoring the message for type URL type.googleapis.com/foo.Bar" in str(
                client.logged
            )

    asyncio.run(run())


def test_a_large_answer_is_taken(server, tmp_path):
    big = cluster("big")
    big.alt_stat_name = "x" * 20_000_000

    async def run():
        async with running(ads_bootstrap(server), tmp_path) as client:
            clusters = client.subscribe()
            await asyncio.to_thread(server.wait, lambda seen: seen.kind == "ask")
            server.put(CDS.type_url, {"big": big})
            await until(lambda: clusters.names == ["big"])
            (resource,) = clusters.updates[-1].resources
            assert resource.body == big.SerializeToString()
            assert clusters.failures == []

    asyncio.run(run())


def test_a_limit_of_message_length_ends_the_stream(server, tmp_path):
    service = {"envoy_grpc": {"cluster_name": "xds", "max_receive_message_length": 1000}}
    big = cluster("big")
    big.alt_stat_name = "x" * 2000
    server.put(CDS.type_url, {"big": big})

    async def run():
        configured = ads_bootstrap(server, grpc_services=[service])
        async with running(configured, tmp_path) as client:
            clusters = client.subscribe()
            await until(lambda: clusters.failures)
            assert clusters.failures[0][1].startswith("8, ")  # RESOURCE_EXHAUSTED
            assert clusters.updates == []

    asyncio.run(run())


def test_a_server_that_ends_each_stream_gets_everything_across(server, tmp_path):
    server.close_after = 1
    server.put(CDS.type_url, {"a": cluster("a")})
    server.put(LDS.type_url, {"l": listener("l")})

    async def run():
        async with running(ads_bootstrap(server), tmp_path) as client:
            clusters, listeners = client.subscribe(), client.subscribe(LDS)
            await until(lambda: clusters.names == ["a"] and listeners.names == ["l"])
        assert len({seen.stream for seen in server.requests}) > 1

    asyncio.run(run())


def test_subscriptions_of_one_type_share_a_stream(server, tmp_path):
    server.put(EDS.type_url, {"a": endpoints("a"), "b": endpoints("b")})

    async def run():
        async with running(ads_bootstrap(server), tmp_path) as client:
            a = client.subscribe(EDS, ["a"], prefix="cluster.a")
            b = client.subscribe(EDS, ["b"], prefix="cluster.b")
            await until(lambda: a.names == ["a"] and b.names == ["b"])
            a.handle.close()
            a.handle.close()
            await asyncio.to_thread(
                server.wait, lambda seen: list(seen.request.resource_names) == ["b"]
            )
            assert client.value("cluster.a.update_success") is None
            assert client.value("cluster.b.update_success") >= 1
            with client.subscriptions.paused(EDS.type_url):
                b.handle.set_names(["b", "c"])
                b.handle.set_names(["b", "d"])
            await asyncio.to_thread(
                server.wait, lambda seen: list(seen.request.resource_names) == ["b", "d"]
            )
            assert ["b", "c"] not in [list(seen.request.resource_names) for seen in server.requests]

    asyncio.run(run())


@VARIANTS
def test_a_stream_for_one_type_is_its_service_and_ends_with_it(server, tmp_path, kind):
    server.put(CDS.type_url, {"a": cluster("a")})
    fields = {"api_config_source": api(kind), "resource_api_version": "V3"}

    async def run():
        async with running(bootstrap(xds_cluster(server.port)), tmp_path) as client:
            clusters = client.subscribe(fields=fields, prefix="cluster_manager.cds")
            await until(lambda: clusters.names == ["a"])
            assert client.value("cluster_manager.cds.control_plane.connected_state") == 1
            clusters.handle.close()
            await until(lambda: server.streams == 0)
            assert client.value("cluster_manager.cds.control_plane.connected_state") is None

    asyncio.run(run())
    method = "Delta" if kind == "DELTA_GRPC" else "Stream"
    assert server.requests[0].method == (
        f"/envoy.service.cluster.v3.ClusterDiscoveryService/{method}Clusters"
    )


def test_aggregated_api_types_share_an_aggregated_stream(server, tmp_path):
    server.put(CDS.type_url, {"a": cluster("a")})
    server.put(LDS.type_url, {"l": listener("l")})
    fields = {"api_config_source": api("AGGREGATED_DELTA_GRPC"), "resource_api_version": "V3"}

    async def run():
        async with running(bootstrap(xds_cluster(server.port)), tmp_path) as client:
            clusters = client.subscribe(fields=fields)
            listeners = client.subscribe(LDS, fields=fields)
            await until(lambda: clusters.names == ["a"] and listeners.names == ["l"])

    asyncio.run(run())
    assert {seen.method.rpartition("/")[2] for seen in server.requests} == {
        "DeltaAggregatedResources"
    }
    assert {seen.stream for seen in server.requests} == {1}


def test_the_stream_begins_with_the_metadata_of_the_service(server, tmp_path):
    service = {
        "google_grpc": {
            "target_uri": f"127.0.0.1:{server.port}",
            "stat_prefix": "xds",
            "channel_args": {"args": {"grpc.max_receive_message_length": {"int_value": "-1"}}},
            "call_credentials": [{"access_token": "secret"}],
        },
        "initial_metadata": [{"key": "X-Tenant", "value": "blue"}],
    }

    async def run():
        async with running(bootstrap(ads=api(grpc_services=[service])), tmp_path) as client:
            client.subscribe()
            await asyncio.to_thread(server.wait, lambda seen: seen.kind == "ask")

    asyncio.run(run())
    metadata = server.requests[0].metadata
    assert metadata["x-tenant"] == "blue"
    assert metadata["authorization"] == "Bearer secret"


def test_the_node_is_in_the_first_request_alone_when_asked_for(server, tmp_path):
    server.put(CDS.type_url, {"a": cluster("a")})

    async def run():
        configured = ads_bootstrap(server, set_node_on_first_message_only=True)
        async with running(configured, tmp_path) as client:
            client.subscribe()
            await asyncio.to_thread(server.wait, lambda seen: seen.kind == "ack")

    asyncio.run(run())
    assert [seen.request.HasField("node") for seen in server.requests] == [True, False]


def test_requests_are_bounded_by_rate_limit_settings(server, tmp_path):
    limits = {"max_tokens": 1, "fill_rate": 20}

    async def run():
        configured = ads_bootstrap(server, rate_limit_settings=limits)
        async with running(configured, tmp_path) as client:
            for kind in (CDS, LDS, EDS):
                client.subscribe(kind, ["x"])
            await asyncio.to_thread(server.wait, lambda seen: seen.type_url == EDS.type_url)
            assert client.value("control_plane.rate_limit_enforced") >= 2

    asyncio.run(run())


def test_the_wait_for_a_first_answer_ends_and_may_be_endless(server, tmp_path):
    async def run():
        async with running(ads_bootstrap(server), tmp_path) as client:
            short = client.subscribe(fields={**ADS, "initial_fetch_timeout": "0.1s"})
            endless = client.subscribe(LDS, fields={**ADS, "initial_fetch_timeout": "0s"})
            await until(lambda: short.failures)
            assert short.failures == [("TIMEOUT", "initial fetch timed out")]
            assert endless.failures == []
            assert client.value("test.cds.init_fetch_timeout") == 1
            assert client.value("test.cds.update_attempt") == 2
            server.put(CDS.type_url, {"a": cluster("a")})
            await until(lambda: short.names == ["a"])

    asyncio.run(run())


def test_another_server_is_used_while_the_first_is_away(server, tmp_path):
    server.put(CDS.type_url, {"a": cluster("a")})
    with PortLease() as lease:
        first = XdsServer(lease.port)
        first.put(CDS.type_url, {"first": cluster("first")})
        services = [
            {"envoy_grpc": {"cluster_name": name}, "retry_policy": {"retry_back_off": {
                "base_interval": "0.05s", "max_interval": "0.1s"}}}
            for name in ("first", "second")
        ]  # fmt: skip
        configured = bootstrap(
            xds_cluster(lease.port, "first"),
            xds_cluster(server.port, "second"),
            ads=api("DELTA_GRPC", grpc_services=services),
        )

        async def run():
            async with running(configured, tmp_path) as client:
                clusters = client.subscribe()
                await until(lambda: clusters.names == ["a"])
                lease.close()
                await asyncio.to_thread(first.start)
                server.close_streams()
                await until(lambda: clusters.names == ["first"])
                # What the other server called its versions means nothing to this one.
                assert not first.requests[0].request.initial_resource_versions

        try:
            asyncio.run(run())
        finally:
            first.close()


def test_a_control_plane_may_be_behind_a_unix_socket_and_names(tmp_path):
    path = tmp_path / "xds.sock"
    with XdsServer(address=f"unix:{path}") as server:
        server.put(CDS.type_url, {"a": cluster("a")})

        async def run():
            configured = bootstrap(xds_cluster_at({"pipe": {"path": str(path)}}), ads=api())
            async with running(configured, tmp_path) as client:
                clusters = client.subscribe()
                await until(lambda: clusters.names == ["a"])
                assert client.value("control_plane.connected_state") == 1
                assert clusters.failures == []

        asyncio.run(run())


def test_a_name_is_resolved_as_the_command_line_says(server, tmp_path):
    server.put(CDS.type_url, {"a": cluster("a")})
    address = {"socket_address": {"address": "control.test", "port_value": 80}}

    def resolve(host, port):
        assert (host, port) == ("control.test", 80)
        return "127.0.0.1", server.port

    async def run():
        configured = bootstrap(xds_cluster_at(address, type="STRICT_DNS"), ads=api())
        async with running(configured, tmp_path, resolve=resolve) as client:
            clusters = client.subscribe()
            await until(lambda: clusters.names == ["a"])

    asyncio.run(run())


def test_a_slow_server_is_waited_for(server, tmp_path):
    server.delay = 0.2
    server.put(CDS.type_url, {"a": cluster("a")})

    async def run():
        async with running(ads_bootstrap(server), tmp_path) as client:
            clusters = client.subscribe()
            await until(lambda: clusters.names == ["a"])
            assert clusters.failures == []
            assert client.value("test.cds.update_failure") == 0
            assert len({seen.stream for seen in server.requests}) == 1

    asyncio.run(run())


@VARIANTS
def test_a_request_that_cannot_be_written_ends_the_stream_with_an_error(server, tmp_path, kind):
    async def run():
        async with running(ads_bootstrap(server, kind), tmp_path) as client:
            endpoints_of = client.subscribe(EDS, ["\ud800"])
            await until(lambda: endpoints_of.failures)
            assert "cannot send a request" in str(client.logged)
            endpoints_of.handle.set_names(["a"])
            await asyncio.to_thread(server.wait, lambda seen: seen.kind == "ask")

    asyncio.run(run())
