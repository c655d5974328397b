"""The demonstration of `make run-hello`: the first configuration carries requests."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "hello" / "run.py"
#: The ports that examples/hello/envoy.yaml names; no other test uses fixed ports.
PORTS = (10000, 9901)


def start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


@pytest.fixture
def shown() -> Iterator[list[str]]:
    """What the demonstration printed until it was running; it is ended afterwards."""
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError as error:
                pytest.skip(f"port {port} is in use here: {error.strerror}")
    with start() as demo:
        assert demo.stdout
        lines: list[str] = []
        try:
            for line in demo.stdout:
                lines.append(line.rstrip())
                if line.startswith("running: "):
                    break
            yield lines
        finally:
            demo.send_signal(signal.SIGTERM)
            code = demo.wait(30)
        assert code == 0, "\n".join(lines)


def test_requests_are_answered_and_counted(shown: list[str]) -> None:
    assert shown.count("HTTP/1.1 200 OK") == 2
    assert shown.count("HTTP/1.1 404 Not Found") == 1
    assert shown.count('  "service": "httpserver-svc",') == 3
    assert '  "body": "two lateens, please"' in shown
    assert "server: envoy" in shown
    assert "http.ingress_http.downstream_rq_total: 3" in shown
    assert "http.ingress_http.downstream_rq_2xx: 2" in shown
    assert "http.ingress_http.downstream_rq_4xx: 1" in shown
    assert "cluster.some_service.upstream_rq_total: 3" in shown


def test_a_port_in_use_is_one_clear_line(shown: list[str]) -> None:
    assert shown, "the first demonstration holds the ports"
    with start() as second:
        output, _ = second.communicate(timeout=30)
    assert second.returncode == 1
    assert output.startswith("run: port 10000 (listener_0 in envoy.yaml) cannot be used: ")
    assert "Traceback" not in output
