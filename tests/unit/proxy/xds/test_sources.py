"""From a ConfigSource to what brings its resources, or the reason why nothing can."""

import asyncio

import pytest

from lateen.proxy.xds.source import SourceError
from lateen.xds.resource_types import EDS, LDS
from tests.support.xds_server import XdsServer
from tests.unit.proxy.xds.harness import (
    ADS,
    api,
    bootstrap,
    endpoints,
    running,
    until,
    xds_cluster,
)


@pytest.fixture
def server():
    with XdsServer() as running_server:
        yield running_server


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, "Missing config source specifier"),
        (ADS, "ADS must be configured to support an ADS config source"),
        (
            {"api_config_source": api(cluster_name="nope")},
            "must have a statically defined non-EDS cluster: 'nope' does not exist",
        ),
        ({"api_config_source": api(grpc_services=[])}, "must have at least one gRPC service"),
        (
            {"api_config_source": api("REST", grpc_services=[])},
            "must have a singleton cluster name specified",
        ),
        (
            {"api_config_source": api("REST", cluster_names=["xds"], grpc_services=[])},
            "refresh_delay is required for REST API configuration sources",
        ),
        ({"api_config_source": api("DEPRECATED_AND_UNAVAILABLE_DO_NOT_USE")}, "no longer a"),
        ({"api_config_source": api(transport_api_version="V2")}, "V2 xDS transport protocol"),
        ({"api_config_source": api(cluster_names=["xds"])}, "must not have a cluster name"),
        ({"api_config_source": api(cluster_name="eds")}, "'eds' does not exist, was added via"),
        (
            {"api_config_source": api("REST", cluster_names=["xds"])},
            "if not a gRPC type, must not have a gRPC service specified",
        ),
        ({"path": "/nonexistent.yaml"}, "paths must refer to an existing path in the system"),
    ],
)
def test_a_source_that_nothing_can_come_from_is_refused(tmp_path, fields, error):
    async def run():
        eds = xds_cluster(1, "eds", type="EDS", eds_cluster_config={"eds_config": ADS})
        async with running(bootstrap(xds_cluster(1), eds), tmp_path) as client:
            with pytest.raises(SourceError, match=error):
                client.subscribe(fields=fields)
            assert list(client.stats.scopes()) == []

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["REST", "AGGREGATED_GRPC"])
def test_ads_is_a_grpc_stream(tmp_path, kind):
    fields = {"grpc_services": [], "cluster_names": ["xds"]} if kind == "REST" else {}

    async def run():
        configured = bootstrap(xds_cluster(1), ads=api(kind, **fields))
        async with running(configured, tmp_path) as client:
            with pytest.raises(SourceError, match="type must be of non-aggregated gRPC"):
                client.subscribe()

    asyncio.run(run())


def test_names_of_an_authority_come_from_its_source(server, tmp_path):
    name = "xdstp://mesh.test/envoy.config.endpoint.v3.ClusterLoadAssignment/be?b=2&a=1"
    spelled = "xdstp://mesh.test/envoy.config.endpoint.v3.ClusterLoadAssignment/be?a=1&b=2"
    server.put(EDS.type_url, {spelled: endpoints(spelled)})
    own = {
        "authorities": [{"name": "mesh.test"}],
        "api_config_source": api("AGGREGATED_DELTA_GRPC"),
    }
    configured = bootstrap(
        xds_cluster(server.port), config_sources=[own], default_config_source=ADS
    )

    async def run():
        async with running(configured, tmp_path) as client:
            found = client.subscribe(EDS, [name], fields={})
            await until(lambda: found.names == [spelled])
            with pytest.raises(SourceError, match="ADS must be configured"):
                client.subscribe(EDS, ["xdstp://other.test/t.T/x"], fields={})
            with pytest.raises(SourceError, match="Resource type missing"):
                client.subscribe(EDS, ["xdstp://other.test"], fields={})

    asyncio.run(run())
    assert list(server.requests[0].request.resource_names_subscribe) == [spelled]


def test_a_collection_is_asked_for_with_the_context_of_the_node(server, tmp_path):
    configured = bootstrap(
        xds_cluster(server.port), ads=api("DELTA_GRPC"), node_context_params=["id", "cluster"]
    )

    async def run():
        async with running(configured, tmp_path) as client:
            found = client.subscribe(LDS, ["xdstp://m/envoy.config.listener.v3.Listener/x/*"])
            await asyncio.to_thread(server.wait, lambda seen: seen.kind == "ask")
            found.handle.set_names(["xdstp://m/envoy.config.listener.v3.Listener/y/*"])
            await asyncio.to_thread(server.wait, lambda seen: len(server.requests) == 2)

    asyncio.run(run())
    context = "xds.node.cluster=group-1&xds.node.id=node-1"
    first, second = (seen.request for seen in server.requests)
    base = "xdstp://m/envoy.config.listener.v3.Listener"
    assert list(first.resource_names_subscribe) == [f"{base}/x/*?{context}"]
    assert list(second.resource_names_subscribe) == [f"{base}/y/*?{context}"]
    assert list(second.resource_names_unsubscribe) == [f"{base}/x/*?{context}"]
