"""What the services of the bookshop share: a small HTTP server, and calls of one another.

They know nothing of a mesh. The environment tells them where to listen (`HOST`, `PORT`), and, where
nothing captures their traffic, the proxy that their calls go through (`http_proxy`).
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Headers = Mapping[str, str]
#: Answers a path: status and what becomes the JSON of the body.
Answer = Callable[[str, Headers], tuple[int, object]]

INSTANCE = os.environ.get("LATEEN_INSTANCE", "")
VERSION = os.environ.get("VERSION", "v1")
_SLOW_S = 2.0
_CALL_S = 10.0
#: What a caller sent is passed on to whom it makes a service call: who it is, what is tried out,
#: and what traces a request.
_PASSED_ON = ("x-user", "x-slow", "x-break", "x-request-id", "traceparent", "tracestate", "b3")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: Answer

    def do_GET(self) -> None:
        """Answer as the service does, unless the caller wants to see it slow or broken."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        if _is_meant(headers.get("x-slow", "")):
            time.sleep(_SLOW_S)
        if _is_meant(headers.get("x-break", "")):
            status, told = 500, {"error": f"{INSTANCE} is broken"}
        else:
            status, told = type(self).answer(self.path.partition("?")[0], headers)
        is_text = isinstance(told, str)
        body = (told if isinstance(told, str) else json.dumps(told)).encode() + b"\n"
        self.send_response(status)
        self.send_header("content-type", "text/html" if is_text else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """One line a request, with the host that was asked for."""
        print(f"{self.headers.get('host', '-')} {format % args}", flush=True)


def _is_meant(prefix: str) -> bool:
    return bool(prefix) and INSTANCE.startswith(prefix)


def serve(answer: Answer) -> None:
    """Serve until the process is ended."""
    handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
    address = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "9080"))
    with ThreadingHTTPServer(address, handler) as server:
        print(f"listening on {address[0]}:{address[1]}", flush=True)
        server.serve_forever()


def call(url: str, headers: Headers) -> dict[str, object]:
    """Call another service; what it says, or its status and why it says nothing."""
    passed_on = {name: headers[name] for name in _PASSED_ON if name in headers}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=passed_on), timeout=_CALL_S
        ) as got:
            found = json.load(got)
            return found if isinstance(found, dict) else {"error": "no object"}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "error": error.read().decode("utf-8", "replace").strip()}
    except OSError as error:
        return {"error": str(error)}
