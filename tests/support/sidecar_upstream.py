"""An application behind a sidecar: answers with who called, and the headers, as JSON.

`/slow` takes a second.

`python sidecar_upstream.py ADDRESS PORT`
"""

import http.server
import json
import socketserver
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/slow":
            time.sleep(1)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"from": self.client_address[0], "headers": headers}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Say nothing."""


class Server(socketserver.ThreadingTCPServer):
    """Not the library's HTTP server, which asks DNS for its own name first."""

    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
