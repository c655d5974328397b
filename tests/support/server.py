"""A server for one test: a listener on loopback, a thread for each of its connections."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from abc import abstractmethod

from lateen.closing import Closing


class Server(Closing):
    """Serves on a free loopback port, or on the unix socket `path`, until closed.

    Attributes:
        port: 0 for a unix socket.
        connections: how many there were.
        peer_ports: of each of them, in their order.
    """

    def __init__(self, path: str | None = None, host: str = "127.0.0.1") -> None:
        """Listens; a subclass calls this last, for connections may come at once."""
        self.path = path
        self.connections = 0
        self.peer_ports: list[int] = []
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._closing = threading.Event()
        if path:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(path)
        else:
            self._listener = socket.create_server((host, 0), backlog=256)
        self._listener.listen(256)
        self.port: int = 0 if path else self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @abstractmethod
    def _serve(self, connection: socket.socket, number: int, port: int) -> None:
        """One connection from its begin to its end; it is closed afterwards."""

    def _secured(self, connection: socket.socket) -> socket.socket:
        """What is served in place of the connection."""
        return connection

    def close(self) -> None:
        """Stop listening and end every connection."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        if self.path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            port = peer[1] if isinstance(peer, tuple) else 0
            with self._lock:
                number = self.connections
                self.connections += 1
                self.peer_ports.append(port)
                self._open.append(connection)
            arguments = (connection, number, port)
            threading.Thread(target=self._run, args=arguments, daemon=True).start()

    def _run(self, connection: socket.socket, number: int, port: int) -> None:
        try:
            secured = self._secured(connection)
            with self._lock:
                self._open[self._open.index(connection)] = secured
            connection = secured
            self._serve(connection, number, port)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.remove(connection)
            connection.close()
