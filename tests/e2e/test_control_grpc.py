"""grpcio's own `xds:///` client takes its routes and endpoints from the control plane."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from tests.support.mesh_client import control_plane
from tests.support.waiting import until
from tests.support.xds_caller import METHOD

CALLER = Path(__file__).parents[1] / "support" / "xds_caller.py"
NODE = "sidecar~10.0.0.1~caller.default~default.svc.cluster.local"
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: default}
spec: {clusterIP: 10.1.0.1, ports: [{name: grpc, port: 7070}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: NAME-1, namespace: default, labels: {kubernetes.io/service-name: NAME}}
ports: [{name: grpc, port: PORT}]
endpoints: [{addresses: [127.0.0.1]}]
---
"""
ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: one, namespace: default}
spec: {hosts: [one], http: [{route: [{destination: {host: two}}]}]}
"""


@contextmanager
def answering(name):
    """A gRPC server that says its name; its port."""

    def answer(request, context):
        return name.encode()

    _, service, method = METHOD.split("/")
    handler = grpc.unary_unary_rpc_method_handler(answer)
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {method: handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None)


class Caller:
    """The application."""

    def __init__(self, process):
        self._process = process

    def call(self):
        """Whom a call reaches."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@contextmanager
def calling(plane, target):
    bootstrap = {
        "xds_servers": [
            {
                "server_uri": f"127.0.0.1:{plane.port}",
                "channel_creds": [{"type": "insecure"}],
                "server_features": ["xds_v3"],
            }
        ],
        "node": {"id": NODE, "metadata": {"GENERATOR": "grpc"}},
    }
    environment = {**os.environ, "GRPC_XDS_BOOTSTRAP_CONFIG": json.dumps(bootstrap)}
    root = str(Path(__file__).parents[2])
    argv = [sys.executable, str(CALLER), target]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(argv, env=environment, cwd=root, **pipes) as process:
        try:
            yield Caller(process)
        finally:
            process.kill()


def service(name, port):
    return SERVICE.replace("NAME", name).replace("PORT", str(port))


@pytest.fixture
def ports():
    """Of servers that say `one` and `two`."""
    with answering("one") as one, answering("two") as two:
        yield {"one": one, "two": two}


@pytest.fixture
def plane(tmp_path, ports):
    for name, port in ports.items():
        (tmp_path / f"{name}.yaml").write_text(service(name, port))
    with control_plane(tmp_path) as made:
        yield made


def test_calls_follow_routes_and_endpoints(plane, ports):
    with calling(plane, "xds:///one.default.svc.cluster.local:7070") as caller:
        assert caller.call() == "one"
        plane.write("route.yaml", ROUTE)
        until(lambda: caller.call() == "two")
        (plane.directory / "route.yaml").unlink()
        until(lambda: caller.call() == "one")
        plane.write("one.yaml", service("one", ports["two"]))
        until(lambda: caller.call() == "two")
        assert plane.run("wait", "--timeout", "10s").returncode == 0


def test_a_short_name_is_of_the_callers_namespace(plane):
    with calling(plane, "xds:///two:7070") as caller:
        assert caller.call() == "two"
