"""Load reports: Lateen and the real Envoy tell the same server the same."""

import contextlib
import time

import pytest

from tests.support.client import Client
from tests.support.lrs_server import LrsServer
from tests.support.ports import PortLease
from tests.support.proxies import DidNotStart, Proxy, envoy_command, lateen_command
from tests.support.upstream import Answer, Script, Send, Upstream

HTTP2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
HCM = (
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
    ".HttpConnectionManager"
)
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
OFTEN = {"load_reporting_interval": "0.5s", "report_endpoint_granularity": True}


def saying(status):
    return Script([Answer((Send(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n".encode()),))])


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def cluster(name, localities, **assignment):
    return {
        "name": name,
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [
                {
                    "locality": {"region": "r", "zone": zone},
                    "lb_endpoints": [{"endpoint": {"address": address(each)}} for each in ports],
                }
                for zone, ports in localities.items()
            ],
            **assignment,
        },
    }


def bootstrap(port, lrs_port, clusters, **source):
    api = {
        "api_type": "GRPC",
        "transport_api_version": "V3",
        "grpc_services": [{"envoy_grpc": {"cluster_name": "lrs"}}],
        **source,
    }
    http2 = {
        "@type": f"type.googleapis.com/{HTTP2}",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    lrs = {**cluster("lrs", {"": [lrs_port]}), "typed_extension_protocol_options": {HTTP2: http2}}
    routes = [
        {"match": {"prefix": f"/{each['name']}"}, "route": {"cluster": each["name"]}}
        for each in clusters
    ]
    manager = {
        "@type": HCM,
        "stat_prefix": "in",
        "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}],
        "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": routes}]},
    }
    listener = {
        "name": "l",
        "address": address(port),
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}],
    }
    return {
        "node": {"id": "test-node", "cluster": "test-cluster"},
        "cluster_manager": {"load_stats_config": api},
        "static_resources": {"listeners": [listener], "clusters": [lrs, *clusters]},
    }


class Setting:
    """A proxy that reports to a server of its own."""

    def __init__(self, command, stack, services):
        self.server = stack.enter_context(LrsServer())
        self.port = stack.enter_context(PortLease()).port
        good, second, bad = services
        drops = [{"category": "full", "drop_percentage": {"numerator": 100}}]
        clusters = [
            cluster("be", {"a": [good], "b": [second]}),
            cluster("bad", {"": [bad]}),
            cluster("drop", {"": [good]}, policy={"drop_overloads": drops}),
        ]
        self.proxy = stack.enter_context(
            Proxy(command, bootstrap(self.port, self.server.port, clusters))
        )

    def get(self, path, times):
        with Client(("127.0.0.1", self.port), timeout=5) as client:
            for _ in range(times):
                client.send(f"GET {path} HTTP/1.1\r\nhost: h\r\n\r\n".encode())
                client.read_response()


@pytest.fixture
def settings():
    commands = {"envoy": envoy_command(), "lateen": lateen_command()}
    if None in commands.values():
        pytest.skip("no real Envoy or no lateen command: run make build")
    with contextlib.ExitStack() as stack:
        services = [stack.enter_context(Upstream(saying(each))).port for each in (200, 200, 500)]
        yield [Setting(command, stack, services) for command in commands.values()]


def alike(report):
    """A report without what is different by nature: the node's build, times, and the cluster of
    the server, whose stream is a request to Envoy.
    """
    found = type(report)()
    found.CopyFrom(report)
    found.node.Clear()
    for each in found.cluster_stats:
        assert each.load_report_interval.ToMicroseconds() > 0
        each.ClearField("load_report_interval")
    others = [each for each in found.cluster_stats if each.cluster_name != "lrs"]
    del found.cluster_stats[:]
    found.cluster_stats.extend(others)
    found.cluster_stats.sort(key=lambda each: each.cluster_name)
    return found


def test_the_first_message_says_who_reports(settings):
    for setting in settings:
        first = setting.server.wait(lambda _: True)
        assert first.node.id == "test-node"
        assert list(first.node.client_features) == ["envoy.lrs.supports_send_all_clusters"]
        assert not first.cluster_stats


def test_the_load_of_all_clusters(settings):
    seen = []
    for setting in settings:
        server = setting.server
        server.wait(lambda _: True)
        setting.get("/be", 3)  # before anybody asked
        server.ask(send_all_clusters=True, **OFTEN)
        quiet = server.next()
        assert not any(each.upstream_locality_stats for each in alike(quiet).cluster_stats)
        setting.get("/be", 4)
        setting.get("/bad", 2)
        setting.get("/drop", 3)
        seen.append(alike(server.next()))
    envoy, lateen = seen
    assert lateen == envoy
    by_name = {each.cluster_name: each for each in lateen.cluster_stats}
    assert [each.total_successful_requests for each in by_name["be"].upstream_locality_stats] == [
        2,
        2,
    ]
    assert by_name["bad"].upstream_locality_stats[0].total_error_requests == 2
    assert by_name["drop"].total_dropped_requests == 3
    assert by_name["drop"].dropped_requests[0].category == "full"


def test_named_clusters_without_endpoints(settings):
    seen = []
    for setting in settings:
        setting.server.wait(lambda _: True)
        setting.server.ask(clusters=["be", "absent"], load_reporting_interval="0.5s")
        setting.server.next()
        setting.get("/be", 2)
        seen.append(alike(setting.server.next()))
    envoy, lateen = seen
    assert lateen == envoy
    assert [each.cluster_name for each in lateen.cluster_stats] == ["be"]
    assert not lateen.cluster_stats[0].upstream_locality_stats[0].upstream_endpoint_stats


def test_a_stream_that_ended_is_opened_again_and_nothing_is_lost(settings):
    for setting in settings:
        server = setting.server
        server.wait(lambda _: True)
        server.ask(clusters=["be"], **OFTEN)
        server.next()
        start = len(server.reports)
        server.end_stream()
        deadline = time.monotonic() + 10
        setting.get("/be", 2)
        while server.streams < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        server.wait(lambda seen: seen.cluster_stats[0].upstream_locality_stats, start)
        stats = setting.proxy.stats()
        assert stats["load_reporter.requests"] == 2
        assert stats["load_reporter.errors"] == 0
        assert stats["load_reporter.retries"] == 1


def test_requests_and_reports_are_counted(settings):
    seen = []
    for setting in settings:
        setting.server.wait(lambda _: True)
        setting.proxy.wait_stat("load_reporter.responses", 1)
        setting.server.ask(clusters=["be"], load_reporting_interval="100s")
        setting.proxy.wait_stat("load_reporter.requests", 1)
        stats = setting.proxy.stats("filter=load_reporter|rq_drop")
        seen.append(stats)
    envoy, lateen = seen
    assert lateen == envoy


def test_a_server_that_is_no_cluster():
    config = bootstrap(1, 1, [], grpc_services=[{"envoy_grpc": {"cluster_name": "absent"}}])
    config["static_resources"]["clusters"].clear()
    for command in (envoy_command(), lateen_command()):
        with pytest.raises(DidNotStart, match="absent"):
            Proxy(command, config)
