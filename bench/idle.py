"""Memory at rest: with the hello configuration, and for each idle connection."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

from bench import results
from bench.context import START_SECONDS, Context, run_proxy
from bench.errors import BenchError
from bench.net import ADDRESS, free_port, wait_accepts
from bench.process import Process, settled_pss
from bench.proxies.base import Proxy
from bench.proxies.envoy import Envoy
from bench.proxies.lateen import Lateen
from bench.results import Measured

HELLO = Path(__file__).parents[1] / "examples" / "hello" / "envoy.yaml"
CONNECTIONS = 5000
REQUEST = b"GET /128 HTTP/1.1\r\nHost: bench\r\n\r\n"
ROUTER = "- name: envoy.filters.http.router"
ROUTER_TYPE = """
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"""


def hello_pss(context: Context, proxy: Proxy) -> Measured:
    """Measure the idle PSS with examples/hello/envoy.yaml, moved to free ports.

    Envoy refuses the file as it stands, because the router has no `typed_config`: it gets one.
    """
    port, admin = free_port(), free_port()
    text = HELLO.read_text().replace("10000", str(port)).replace("9901", str(admin))
    with tempfile.TemporaryDirectory(prefix="lateen-bench-") as name:
        path = Path(name) / "envoy.yaml"
        if isinstance(proxy, Envoy):
            path.write_text(text.replace(ROUTER, ROUTER + ROUTER_TYPE))
            argv = proxy.serve(path)
        elif isinstance(proxy, Lateen):
            path.write_text(text)
            target = f"httpserver-svc:80={ADDRESS}:{context.upstream.port}"
            argv = proxy.serve(path, more=["--resolve", target])
        else:
            raise BenchError(f"{proxy.name} does not run Envoy's configuration")
        output = Path(name) / "output.log"
        with Process(argv, cores=[context.cores.proxy], output=output) as process:
            wait_accepts(process, port, seconds=START_SECONDS)
            values = {results.PSS: settled_pss(process, seconds=2) / 1e6}
    return results.median("hello", proxy.name, [values])


def connections(context: Context, proxy: Proxy) -> Measured:
    """Measure the PSS that each of many idle connections adds, after one request on each."""
    with run_proxy(context, proxy) as running:
        before = settled_pss(running.process)
        clients = [socket.create_connection((ADDRESS, running.setup.port), timeout=5)]
        try:
            for _ in range(CONNECTIONS - 1):
                _ask(clients[-1])
                clients.append(socket.create_connection((ADDRESS, running.setup.port), timeout=5))
            _ask(clients[-1])
            after = settled_pss(running.process, seconds=2)
        finally:
            for client in clients:
                client.close()
    values = {results.PER_CONNECTION: (after - before) / CONNECTIONS}
    return results.median("idle", proxy.name, [values])


def _ask(client: socket.socket) -> None:
    client.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"x" * 128):
        got = client.recv(4096)
        if not got:
            raise BenchError(f"an idle connection was closed after {answer[:80]!r}")
        answer += got
