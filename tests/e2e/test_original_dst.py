"""Where connections went: listeners without a socket, redirection, and what upstreams are told."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.client import Client, get
from tests.support.http1 import ConnectionEnded
from tests.support.proxies import Proxy
from tests.support.workers import Mapped, listener_of, tcp_filter

_TYPES = "type.googleapis.com/envoy.extensions"
_REDIRECTED = """
set -e
ip link set lo up
iptables -w 10 -t nat -A OUTPUT -p tcp --dport {target} -j REDIRECT --to-ports {listener}
exec "$@"
"""
_CONNECT = "import socket; print(socket.create_connection(('127.0.0.1', {target})).recv(9))"


def saying(name: str) -> Mapped:
    """A filter chain that says its name."""
    config = {
        "@type": f"{_TYPES}.filters.network.direct_response.v3.Config",
        "response": {"inline_string": name},
    }
    return {"filters": [{"name": "direct", "typed_config": config}]}


PROXY_PROTOCOL: Mapped = {
    "name": "proxy",
    "typed_config": {"@type": f"{_TYPES}.filters.listener.proxy_protocol.v3.ProxyProtocol"},
}


def said(port: int, destination: str, to: int) -> bytes:
    """What a client is told that a proxy in front sent to `destination`."""
    with Client(("127.0.0.1", port)) as client:
        client.send(f"PROXY TCP4 1.2.3.4 {destination} 1000 {to}\r\n".encode())
        said = b""
        while data := client.socket.recv(64):
            said += data
        return said


def test_connections_go_to_the_listener_of_their_destination(
    start: Callable[..., Proxy], lease: Callable[[], int]
) -> None:
    port, exact, anywhere = lease(), lease(), lease()
    outer = listener_of(
        port, saying("outer"), listener_filters=[PROXY_PROTOCOL], use_original_dst=True
    )
    inner = listener_of(exact, saying("inner"), bind_to_port=False) | {"name": "inner"}
    wide = listener_of(anywhere, saying("wide"), bind_to_port=False) | {
        "name": "wide",
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": anywhere}},
    }
    proxy = start({"static_resources": {"listeners": [outer, inner, wide]}})
    listed = proxy.admin("/listeners").text.splitlines()
    assert f"inner::127.0.0.1:{exact}" in listed
    assert f"wide::0.0.0.0:{anywhere}" in listed
    assert said(port, "127.0.0.1", exact) == b"inner"
    assert said(port, "127.0.0.2", exact) == b"outer"
    assert said(port, "10.1.2.3", anywhere) == b"wide"
    with pytest.raises(OSError, match="refused"):
        Client(("127.0.0.1", exact))


@pytest.mark.skipif(not shutil.which("iptables"), reason="iptables is not here to redirect with")
def test_a_redirected_connection_goes_where_it_went(
    start: Callable[..., Proxy], lease: Callable[[], int], tmp_path: Path
) -> None:
    port, target = lease(), lease()
    outer = listener_of(port, saying("outer"), use_original_dst=True)
    inner = listener_of(target, saying("inner"), bind_to_port=False) | {"name": "inner"}
    script = _REDIRECTED.format(target=target, listener=port)
    prefix = ["unshare", "--net", "sh", "-c", script, "sh"]
    proxy = start({"static_resources": {"listeners": [outer, inner]}}, prefix=prefix, wait=False)
    connect = _CONNECT.format(target=target)
    inside = ["nsenter", "--net", "--target", str(proxy.process.pid), "python3", "-c", connect]
    assert _output(inside) == b"b'inner'\n"


def _output(command: list[str]) -> bytes:
    """What a command prints once it succeeds: before, there may be no namespace or no listener."""
    end = time.monotonic() + 20
    while True:
        ran = subprocess.run(command, capture_output=True, timeout=20, check=False)
        if ran.returncode == 0:
            return ran.stdout
        assert time.monotonic() < end, ran.stderr.decode()
        time.sleep(0.1)


_HAPROXY = """
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend f
  bind 127.0.0.1:{port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] %[dst]"
"""


@pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not here to read the header")
@pytest.mark.parametrize("version", ["V1", "V2"])
def test_haproxy_reads_the_header(
    start: Callable[..., Proxy], lease: Callable[[], int], tmp_path: Path, version: str
) -> None:
    port, upstream = lease(), lease()
    config = tmp_path / "haproxy.cfg"
    config.write_text(_HAPROXY.format(port=upstream))
    transport = {
        "@type": f"{_TYPES}.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
        "config": {"version": version},
        "transport_socket": {
            "name": "raw",
            "typed_config": {"@type": f"{_TYPES}.transport_sockets.raw_buffer.v3.RawBuffer"},
        },
    }
    address = {"socket_address": {"address": "127.0.0.1", "port_value": upstream}}
    cluster = {
        "name": "be",
        "load_assignment": {
            "cluster_name": "be",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        "transport_socket": {"name": "pp", "typed_config": transport},
    }
    listener = listener_of(port, {"filters": [tcp_filter("be")]}, listener_filters=[PROXY_PROTOCOL])
    with subprocess.Popen(["haproxy", "-db", "-f", str(config)]) as haproxy:
        try:
            start({"static_resources": {"listeners": [listener], "clusters": [cluster]}})
            assert _answer(port) == b"1.2.3.4:1000 5.6.7.8"
        finally:
            haproxy.kill()


def _answer(port: int) -> bytes:
    """The body of an answer, once there is one: haproxy may still be starting."""
    for _ in range(50):
        with Client(("127.0.0.1", port)) as client:
            client.send(b"PROXY TCP4 1.2.3.4 5.6.7.8 1000 2000\r\n" + get("/"))
            try:
                return client.read_response("GET").body.data
            except ConnectionEnded:
                continue
    raise AssertionError("haproxy does not answer")
