"""Resources that are polled over HTTP."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lateen.xds.resource_types import CDS
from tests.unit.proxy.xds.harness import bootstrap, running, until, xds_cluster


def body(version, *names):
    resources = [{"@type": CDS.type_url, "name": name, "type": "STATIC"} for name in names]
    return json.dumps({"version_info": version, "resources": resources}).encode()


class Server(ThreadingHTTPServer):
    """Answers POSTs with `answer`; `requests` are their paths, headers and bodies."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = (200, body("1", "a"))
        self.requests = []
        self.delay = threading.Event()
        self.delay.set()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        data = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append((self.path, dict(self.headers), json.loads(data)))
        self.server.delay.wait(2)
        status, answer = self.server.answer
        self.send_response(status)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    running_server = Server()
    yield running_server
    running_server.delay.set()
    running_server.shutdown()
    running_server.server_close()


def polled(**fields):
    source = {
        "api_type": "REST",
        "transport_api_version": "V3",
        "cluster_names": ["xds"],
        "refresh_delay": "0.05s",
        **fields,
    }
    return {"api_config_source": source, "resource_api_version": "V3"}


def test_a_server_is_polled_and_told_the_version(server, tmp_path):
    async def run():
        async with running(bootstrap(xds_cluster(server.server_port)), tmp_path) as client:
            clusters = client.subscribe(fields=polled())
            await until(lambda: clusters.names == ["a"])
            assert clusters.updates[0].full
            server.answer = (200, body("2", "b"))
            await until(lambda: clusters.names == ["b"])
            await until(lambda: server.requests[-1][2].get("version_info") == "2")
            assert client.value("test.cds.version_text") == "2"
            clusters.handle.close()

    asyncio.run(run())
    path, headers, request = server.requests[0]
    assert path == "/v3/discovery:clusters"
    assert headers["content-type"] == "application/json"
    assert headers["Host"] == "xds"
    assert request["type_url"] == CDS.type_url
    assert request["node"]["id"] == "node-1"
    assert "version_info" not in request


def test_not_modified_changes_nothing(server, tmp_path):
    async def run():
        async with running(bootstrap(xds_cluster(server.server_port)), tmp_path) as client:
            clusters = client.subscribe(fields=polled())
            await until(lambda: clusters.names == ["a"])
            server.answer = (304, b"")
            count = len(server.requests)
            await until(lambda: len(server.requests) > count + 2)
            assert clusters.failures == []
            assert client.value("test.cds.update_attempt") >= count + 2

    asyncio.run(run())


@pytest.mark.parametrize(
    ("answer", "counter", "logged"),
    [
        ((500, b""), "update_failure", "REST update for /v3/discovery:clusters failed"),
        ((200, b"nojson"), "update_rejected", "REST config for /v3/discovery:clusters rejected"),
        ((200, b'{"resources": 1}'), "update_rejected", "rejected: in /v3/discovery:clusters, res"),
    ],
)
def test_a_bad_answer_is_counted_and_the_next_poll_may_fare_better(
    server, tmp_path, answer, counter, logged
):
    async def run():
        server.answer = answer
        async with running(bootstrap(xds_cluster(server.server_port)), tmp_path) as client:
            clusters = client.subscribe(fields=polled())
            await until(lambda: clusters.failures)
            assert client.value(f"test.cds.{counter}") >= 1
            assert logged in str(client.logged)
            server.answer = (200, body("1", "a"))
            await until(lambda: clusters.names == ["a"])

    asyncio.run(run())


def test_a_request_has_its_time(server, tmp_path):
    async def run():
        server.delay.clear()
        async with running(bootstrap(xds_cluster(server.server_port)), tmp_path) as client:
            clusters = client.subscribe(fields=polled(request_timeout="0.1s"))
            await until(lambda: clusters.failures)
            assert clusters.failures[0][0] == "CONNECTION"
            assert "timed out" in clusters.failures[0][1]
            server.delay.set()
            await until(lambda: clusters.names == ["a"])

    asyncio.run(run())


def test_a_server_that_is_away_is_a_failure(tmp_path):
    async def run():
        async with running(bootstrap(xds_cluster(1)), tmp_path) as client:
            clusters = client.subscribe(fields=polled())
            await until(lambda: clusters.failures)
            assert "Connection refused" in clusters.failures[0][1]

    asyncio.run(run())
