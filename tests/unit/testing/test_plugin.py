"""The pytest plugin, as a project that uses it sees it; and the parts of it that need no pytest."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lateen.testing import Headers, TestedProxy, Upstream, assert_counter, assert_route
from tests.e2e.conftest import bootstrap

SUITE = """
import json
import pathlib
import pytest
from lateen.filters import http_filter
from lateen.testing import assert_counter, assert_route

CONFIG = pathlib.Path(__file__).with_name("envoy.json").read_text()

def config(upstream):
    return json.loads(CONFIG.replace("4242", str(upstream.port)))

@http_filter
def tenant(request):
    request.headers["x-tenant"] = "acme"

def test_headers(proxy, upstream):
    upstream.answers(201, "made", {"x-from": "upstream"})
    running = proxy(config(upstream), filters=[tenant])
    with assert_counter(running, "cluster.be.upstream_rq_201", 1):
        answer = running.request("POST", "/a", body=b"hello", headers={"x-a": "b"})
    assert (answer.status, answer.text, answer.headers["X-From"]) == (201, "made", "upstream")
    (request,) = upstream.requests
    assert (request.method, request.path, request.body) == ("POST", "/a", b"hello")
    assert (request.headers["x-tenant"], request.headers["x-a"]) == ("acme", "b")

def test_faults(proxy, upstream):
    running = proxy(config(upstream))
    upstream.answers(close=True).answers(503).answers(delay_s=0.05)
    assert [running.get("/").status for _ in range(4)] == [503, 503, 200, 200]

def test_routes(proxy, upstreams):
    one, two = upstreams(), upstreams()
    first, second = proxy(config(one)), proxy(config(two))
    assert_route(first, "/x", to=one)
    with pytest.raises(AssertionError, match="/x did not reach the upstream at port"):
        assert_route(first, "/x", to=two)
    assert_route(second, "/x", to=two)
"""


def test_a_project_uses_the_fixtures(tmp_path: Path) -> None:
    (tmp_path / "envoy.json").write_text(json.dumps(bootstrap(0, 4242)))
    (tmp_path / "test_it.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:lateen", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-p", "lateen.testing.plugin", "test_it.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr
    assert (done.returncode, done.stderr) == (0, "")


def test_a_run_without_the_fixtures_imports_no_proxy(tmp_path: Path) -> None:
    program = (
        "import sys, lateen.testing.plugin\n"
        "print([name for name in sys.modules if name.startswith('lateen.')])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "['lateen.testing', 'lateen.testing.plugin']\n"


def test_answers_come_in_order_and_the_last_repeats() -> None:
    with Upstream() as upstream, TestedProxy(bootstrap(0, upstream.port)) as proxy:
        assert (proxy.get("/").status, proxy.get("/").body) == (200, b"")
        upstream.answers(500).answers(404, headers=[("x-a", "1"), ("x-a", "2")])
        assert [proxy.get("/").status for _ in range(3)] == [500, 404, 404]
        assert proxy.get("/").headers.get_all("X-A") == ["1", "2"]
        upstream.answers(200, "again")
        assert proxy.get("/").text == "again"
        assert proxy.request("HEAD", "/").headers["content-length"] == "5"


def test_a_chunked_body_is_kept() -> None:
    with Upstream() as upstream:
        connection = http.client.HTTPConnection("127.0.0.1", upstream.port, timeout=5)
        connection.request("PUT", "/a", iter([b"one", b"two"]), encode_chunked=True)
        assert connection.getresponse().status == 200
        connection.close()
    assert upstream.requests[0].body == b"onetwo"


def test_an_upstream_ends_with_its_connections() -> None:
    before = threading.active_count()
    upstream = Upstream().answers(delay_s=60.0)
    with socket.create_connection(("127.0.0.1", upstream.port), 5) as waiting:
        waiting.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        deadline = time.monotonic() + 5
        while not upstream.requests and time.monotonic() < deadline:
            time.sleep(0.01)
        upstream.close()
        upstream.close()
        assert waiting.recv(1) == b""
    assert threading.active_count() == before


def test_what_is_no_http_is_answered_as_such() -> None:
    with Upstream() as upstream, socket.create_connection(("127.0.0.1", upstream.port), 5) as peer:
        peer.sendall(b"nonsense of many words here\r\n\r\n")
        assert b" 400 " in peer.recv(1000)
    assert upstream.requests == []


def test_assertions_say_what_they_saw() -> None:
    name = "http.in.downstream_rq_2xx"
    with (
        Upstream() as upstream,
        Upstream() as other,
        TestedProxy(bootstrap(0, upstream.port)) as proxy,
    ):
        with (
            pytest.raises(AssertionError, match=rf"^{name} grew by 1, not 2 \(it was 0\)$"),
            assert_counter(proxy, name, 2, timeout_s=0.1),
        ):
            proxy.get("/")
        with (
            pytest.raises(AssertionError, match="grew by 1, not 0"),
            assert_counter(proxy, name, 0),
        ):
            get_and_wait(proxy, name, 2)
        with pytest.raises(AssertionError, match="the answer is 200 b''"):
            assert_route(proxy, "/", to=other)


def get_and_wait(proxy: TestedProxy, name: str, value: int) -> None:
    proxy.get("/")
    proxy.wait_for_stat(name, value)


def test_headers_are_a_mapping_without_case() -> None:
    headers = Headers([("X-A", "1"), ("b", "2"), ("x-a", "3")])
    assert (headers["x-A"], headers["B"], len(headers)) == ("1, 3", "2", 2)
    assert (list(headers), "X-B" in headers, headers.get("c", "-")) == (["x-a", "b"], False, "-")
    with pytest.raises(KeyError):
        headers["c"]
