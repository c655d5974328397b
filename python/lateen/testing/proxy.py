"""A proxy that a test sends requests through."""

from __future__ import annotations

import http.client
from collections.abc import Mapping

from lateen.embedded import Proxy
from lateen.testing.messages import Answer, Headers

_TIMEOUT_S = 15.0


class TestedProxy(Proxy):
    """A Proxy that requests can be sent through."""

    # pytest would take it for a class of tests.
    __test__ = False

    def get(
        self, path: str, headers: Mapping[str, str] | None = None, port: int | None = None
    ) -> Answer:
        """The answer to a GET; see `request`."""
        return self.request("GET", path, headers=headers, port=port)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        port: int | None = None,
    ) -> Answer:
        """The answer to a request over HTTP/1.1, on a connection of its own.

        Args:
            method: such as POST.
            path: with the query.
            body: sent with its length; None: there is none.
            headers: `host` is 127.0.0.1 and the port unless it is here.
            port: of the listener; None: there is only one.

        Raises:
            ProxyError: the proxy does not run, or has several listeners.
            OSError: nothing listens there, or the connection breaks; TimeoutError after 15 s.
            http.client.HTTPException: the answer is no HTTP/1.1.
        """
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port if port is None else port, timeout=_TIMEOUT_S
        )
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            data = response.read()
            return Answer(response.status, Headers(response.getheaders()), data)
        finally:
            connection.close()
