"""A control plane on go-control-plane: what others wrote is understood, and understands."""

from __future__ import annotations

import time

import pytest

from tests.interop.xds_setting import bootstrap
from tests.support.client import Client
from tests.support.go_server import GoServer, NoGo, build_go_server
from tests.support.ports import PortLease
from tests.support.proxies import Proxy, lateen_command
from tests.support.upstream import Script, Upstream, reply
from tests.support.xds_resources import CDS, EDS, LDS, RDS, assignment, cluster, listener, routes

LIMIT = 20.0
NODE = "test-node"  # of the bootstrap

# The first build takes minutes.
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    try:
        return build_go_server(tmp_path_factory.mktemp("go"))
    except NoGo as reason:
        pytest.skip(str(reason))


@pytest.fixture
def services():
    with (
        Upstream(Script([reply(200, b"one")])) as one,
        Upstream(Script([reply(200, b"two")])) as two,
    ):
        yield one.port, two.port


@pytest.fixture
def server(program):
    with GoServer(program, NODE) as running:
        yield running


@pytest.fixture
def front():
    with PortLease() as lease:
        yield lease.port


def snapshot(front, service, **more):
    return {
        CDS: [cluster("a")],
        EDS: [assignment("a", service)],
        LDS: [listener("l", front)],
        RDS: [routes("r", "a")],
        **more,
    }


def follows(front, text):
    deadline = time.monotonic() + LIMIT
    while (got := answer(front)) != text:
        assert time.monotonic() < deadline, f"{got!r}, not {text!r}"
        time.sleep(0.02)


def answer(front):
    try:
        with Client(("127.0.0.1", front), timeout=5) as client:
            return client.request(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").text
    except OSError as error:
        return repr(error)


@pytest.mark.parametrize("delta", [False, True], ids=["sotw", "delta"])
def test_resources_updates_and_refusals(server, services, front, delta):
    command = lateen_command()
    if command is None:
        pytest.skip("no lateen command: run make build, or set LATEEN_TEST_COMMAND")
    one, two = services
    server.put("v1", snapshot(front, one))
    with Proxy(command, bootstrap(server.port, delta)) as proxy:
        follows(front, "one")
        for kind in ("Cluster", "ClusterLoadAssignment", "Listener", "RouteConfiguration"):
            server.wait(lambda line, kind=kind: line.startswith(f"ack {kind} "))
        server.put("v2", snapshot(front, two))
        follows(front, "two")

        start = len(server.lines)
        bad = listener("l", front, filter_chains=[])
        server.put("v3", snapshot(front, two, **{LDS: [bad]}))
        line = server.wait(lambda line: line.startswith("nack Listener "), start)
        assert "no filter chains specified" in line
        assert answer(front) == "two"
        # In state of the world it sends again whatever is refused, at once.
        assert proxy.stats()["listener_manager.lds.update_rejected"] >= 1

        server.put("v4", snapshot(front, one))
        start = len(server.lines)
        follows(front, "one")
        server.wait(lambda line: line.startswith("ack Listener "), start)
        assert proxy.process.poll() is None
    server.wait(lambda line: line == "closed")
