"""Ports of the loopback interface that belong to one test alone."""

from __future__ import annotations

import socket

from lateen.closing import Closing


class PortLease(Closing):
    """A TCP port held by a bound socket that never listens.

    While the lease is open the kernel gives the port to nobody who asks for a free one, and only
    a socket of the same user with SO_REUSEPORT or SO_REUSEADDR can bind it, which both proxies set
    on their listeners. A connection to a leased port without a listener is refused.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind((host, 0))
        self.host = host
        self.port: int = self._socket.getsockname()[1]

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()
