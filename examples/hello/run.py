"""Runs envoy.yaml, as it stands, beside a sample service, and sends requests through it.

`make run-hello` does this. The configuration sends everything to httpserver-svc:80; `--resolve`
tells the proxy where that is, so neither the file nor the machine's hosts file is touched.
"""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONFIG = HERE / "envoy.yaml"
LATEEN = HERE.parents[1] / ".venv" / "bin" / "lateen"
PROXY_PORT = 10000
ADMIN_PORT = 9901
START_SECONDS = 20.0
STOP_SECONDS = 10.0
#: What to show of the counters, once they are not zero.
COUNTERS = re.compile(
    r"http\.ingress_http\.downstream_(rq_total|rq_2xx|rq_4xx|cx_total): "
    r"|cluster\.some_service\.(upstream_rq_total|upstream_rq_2xx|upstream_cx_total): "
)


class DemoError(Exception):
    """The demonstration cannot go on; the message says why and what to do."""


class SampleService(BaseHTTPRequestHandler):
    """Answers every request with what it saw of it."""

    protocol_version = "HTTP/1.1"
    server_version = "sample-service"

    def answer(self) -> None:
        """Answer with the request as JSON; 404 for /missing."""
        length = int(self.headers.get("content-length", "0"))
        seen = {
            "service": "httpserver-svc",
            "request": self.requestline,
            "headers": dict(self.headers.items()),
            "body": self.rfile.read(length).decode("utf-8", "replace"),
        }
        body = json.dumps(seen, indent=2).encode() + b"\n"
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = answer
    do_POST = answer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the answers are shown."""


def check_free(host: str, port: int, what: str) -> None:
    """Raise DemoError when nobody could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise DemoError(
                f"port {port} ({what} in {CONFIG.name}) cannot be used: {error.strerror}.\n"
                f"See who has it with `ss -ltnp 'sport = :{port}'`, end that, and try again."
            ) from error


def start_proxy(service_port: int) -> subprocess.Popen[bytes]:
    """Start the command that a user would type, and show it."""
    resolve = f"httpserver-svc:80=127.0.0.1:{service_port}"
    argv = ["proxy", "-c", str(CONFIG), "--resolve", resolve, "--use-dynamic-base-id"]
    print("$ lateen", *argv, flush=True)
    return subprocess.Popen([str(LATEEN), *argv])


def wait_ready(proxy: subprocess.Popen[bytes]) -> None:
    """Wait until the admin says LIVE; raises DemoError when the proxy ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if proxy.poll() is not None:
            raise DemoError(f"lateen ended with {proxy.returncode}; its own words are above")
        try:
            if ask(ADMIN_PORT, "GET", "/ready").startswith("HTTP/1.1 200"):
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise DemoError(f"lateen was not ready after {START_SECONDS:.0f} s")


def ask(port: int, method: str, path: str, body: str | None = None) -> str:
    """Send one request to the loopback port and return the answer as text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        head = "".join(f"{name}: {value}\n" for name, value in answer.getheaders())
        text = answer.read().decode("utf-8", "replace")
        return f"HTTP/1.1 {answer.status} {answer.reason}\n{head}\n{text}"
    finally:
        connection.close()


def show(method: str, path: str, body: str | None = None) -> None:
    """Send one request through the proxy and print what came back."""
    print(f"\n$ curl -i -X {method} http://127.0.0.1:{PROXY_PORT}{path}")
    print(ask(PROXY_PORT, method, path, body).rstrip())


def demonstrate() -> None:
    """Send requests and print the answers and the counters that they moved."""
    show("GET", "/hello")
    show("POST", "/orders?day=monday", "two lateens, please")
    show("GET", "/missing")
    print(f"\n$ curl http://127.0.0.1:{ADMIN_PORT}/stats")
    stats = ask(ADMIN_PORT, "GET", "/stats")
    print("\n".join(line for line in stats.splitlines() if COUNTERS.match(line)))
    print(
        f"\nrunning: requests on http://127.0.0.1:{PROXY_PORT}, admin on "
        f"http://127.0.0.1:{ADMIN_PORT}; end it with Ctrl-C",
        flush=True,
    )


def stop(proxy: subprocess.Popen[bytes]) -> int:
    """End the proxy and return its exit code."""
    proxy.terminate()
    try:
        return proxy.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        proxy.kill()
        return proxy.wait()


def main() -> int:
    """Run the demonstration until Ctrl-C or SIGTERM; returns the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        check_free("0.0.0.0", PROXY_PORT, "listener_0")
        check_free("127.0.0.1", ADMIN_PORT, "admin")
    except DemoError as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    with ThreadingHTTPServer(("127.0.0.1", 0), SampleService) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        proxy = start_proxy(service.server_port)
        try:
            wait_ready(proxy)
            demonstrate()
            return proxy.wait()
        except KeyboardInterrupt:
            return 0
        except (DemoError, OSError) as error:
            print(f"run: {error}", file=sys.stderr)
            return 1
        finally:
            if proxy.poll() is None:
                stop(proxy)
            service.shutdown()


if __name__ == "__main__":
    sys.exit(main())
