"""Clients and servers by others speak HTTP/2 with the proxy: h2spec, curl, nghttp2, nginx."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Config, bootstrap
from tests.support.http2_upstream import Script2, Upstream2, reply2
from tests.support.proxies import Proxy
from tests.support.upstream import Script, Upstream, reply

OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
Start = Callable[..., Proxy]
Lease = Callable[[], int]
MakeUpstream = Callable[[Script], Upstream]


def program(name: str) -> str:
    """The path of a program, or the test is skipped."""
    found = shutil.which(name) or shutil.which(f"/usr/sbin/{name}")
    if found is None:
        pytest.skip(f"no {name} on PATH")
    return found


def run(*command: str, limit: float = 100) -> str:
    """What a program that succeeds says."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-1000:]}"
    return done.stdout


def to_http2(config: Config) -> Config:
    """The same with a cluster that speaks HTTP/2."""
    resources = config["static_resources"]
    assert isinstance(resources, dict)
    for cluster in resources["clusters"]:
        cluster["typed_extension_protocol_options"] = {
            OPTIONS: {
                "@type": f"type.googleapis.com/{OPTIONS}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        }
    return config


@pytest.fixture(scope="session")
def h2spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program: LATEEN_TEST_H2SPEC, or built with Go."""
    given = os.environ.get("LATEEN_TEST_H2SPEC")
    if given:
        return given
    go = shutil.which("go")
    if go is None:
        pytest.skip("no go on PATH: install Go to run h2spec")
    place = tmp_path_factory.mktemp("h2spec")
    built = subprocess.run(
        [go, "install", "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"],
        env={**os.environ, "GOBIN": str(place)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if built.returncode:
        pytest.skip(f"h2spec cannot be had: {built.stderr[-300:]}")
    return str(place / "h2spec")


@pytest.mark.timeout(700)
def test_h2spec(h2spec: str, start: Start, upstream: MakeUpstream, lease: Lease) -> None:
    server, port = upstream(Script([reply()])), lease()
    start(bootstrap(port, server.port, codec_type="HTTP2"))
    said = run(h2spec, "-h", "127.0.0.1", "-p", str(port), "-o", "5", limit=600)
    summary = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", said)
    assert summary, said[-2000:]
    assert int(summary[1]) > 140
    assert summary[4] == "0", said


def test_curl(start: Start, upstream: MakeUpstream, lease: Lease, tmp_path: Path) -> None:
    curl = program("curl")
    if "HTTP2" not in run(curl, "--version"):
        pytest.skip("this curl has no HTTP/2")
    server, port = upstream(Script([reply(body=b"from curl")])), lease()
    start(bootstrap(port, server.port))
    url = f"http://127.0.0.1:{port}/"
    prior = "--http2-prior-knowledge"
    shown = "%{http_version} %{http_code}"
    assert run(curl, "-s", prior, "-w", shown, url) == "from curl2 200"
    (tmp_path / "body").write_text("x" * 200_000)
    sent = run(curl, "-s", prior, "-w", shown, "--data-binary", f"@{tmp_path}/body", url)
    assert sent == "from curl2 200"
    body = server.requests[-1].body
    assert body is not None
    assert body.data == b"x" * 200_000


def test_nghttp(start: Start, lease: Lease) -> None:
    nghttp, port = program("nghttp"), lease()
    with Upstream2(Script2([reply2(body=b"z" * 100_000)])) as server:
        start(to_http2(bootstrap(port, server.port)))
        url = f"http://127.0.0.1:{port}/"
        said = run(nghttp, "-nvm", "20", "-H", "x-a: b", url)
        assert said.count(":status: 200") == 20
        assert "error_code=NO_ERROR" in said or "GOAWAY" not in said
        assert len(server.requests) == 20


@pytest.fixture
def nginx(tmp_path: Path, lease: Lease) -> Iterator[int]:
    """The port of an nginx that speaks HTTP/2 without TLS."""
    found, port = program("nginx"), lease()
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error; worker_processes 1;"
        "events {}"
        f"http {{ access_log off; client_body_temp_path {tmp_path}/body;"
        f" proxy_temp_path {tmp_path}/p; fastcgi_temp_path {tmp_path}/f;"
        f" uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;"
        f" keepalive_requests 1000; server {{ listen 127.0.0.1:{port} http2;"
        ' location / { return 200 "nginx $server_protocol"; } } }'
    )
    process = subprocess.Popen(
        [found, "-c", str(config), "-p", str(tmp_path), "-e", str(tmp_path / "error")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, (tmp_path / "error").read_text()
                time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def test_load_to_nginx(start: Start, lease: Lease, nginx: int) -> None:
    """nginx ends each connection by GOAWAY after 1000 requests: not one may be lost."""
    h2load, port = program("h2load"), lease()
    config = to_http2(bootstrap(port, nginx))
    text = json.dumps(config).replace(
        '"timeout": "0s"',
        '"timeout": "0s", "retry_policy": {"retry_on": "refused-stream", "num_retries": 3,'
        ' "retry_back_off": {"base_interval": "0.001s"}}',
    )
    config = json.loads(text)
    limits = {"thresholds": [{"max_retries": 1000}]}
    config["static_resources"]["clusters"][0]["circuit_breakers"] = limits
    proxy = start(config)
    url = f"http://127.0.0.1:{port}/"
    said = run(h2load, "-n", "10000", "-c", "8", "-m", "16", url)
    assert "10000 succeeded, 0 failed, 0 errored" in said, said
    assert "status codes: 10000 2xx" in said
    stats = proxy.stats()
    assert stats["http.in.downstream_rq_2xx"] == 10_000
    assert stats["cluster.be.upstream_rq_200"] == 10_000
    assert stats["cluster.be.upstream_cx_close_notify"] >= 5


def test_load_to_http1(start: Start, upstream: MakeUpstream, lease: Lease) -> None:
    h2load, port = program("h2load"), lease()
    server = upstream(Script([reply()]))
    proxy = start(bootstrap(port, server.port))
    said = run(h2load, "-n", "2000", "-c", "4", "-m", "8", f"http://127.0.0.1:{port}/")
    assert "2000 succeeded, 0 failed, 0 errored" in said, said
    assert proxy.stats()["http.in.downstream_rq_http2_total"] == 2000
