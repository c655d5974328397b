"""A connection between two processes of hot restart, for the side that may wait."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections import deque
from collections.abc import Sequence

from lateen.closing import Closing
from lateen.proxy.hot_restart.names import kernel_name
from lateen.proxy.hot_restart.wire import Decoder, Message, WireError, encode, text_of

# Linux passes 253 descriptors with a message at most.
MOST_DESCRIPTORS = 200
_CREDENTIALS = struct.Struct("3i")


class ChannelError(Exception):
    """The other process cannot be talked to; the message says why."""


class NoProcessError(ChannelError):
    """Nobody listens under the name."""


class GoneError(ChannelError):
    """The process has ended, or let go of the connection."""


class Channel(Closing):
    """Asks a process and waits for its answers, for a bounded time."""

    def __init__(self, connected: socket.socket, limit_s: float) -> None:
        self._socket = connected
        self.set_limit(limit_s)
        self._decoder = Decoder()
        self._messages: deque[Message] = deque()
        self._descriptors: list[int] = []

    @classmethod
    def open(cls, name: str, limit_s: float) -> Channel:
        """Connects; each answer may take `limit_s` seconds.

        Raises:
            NoProcessError: nobody is there.
            ChannelError: somebody is, but no process of hot restart of this user.
        """
        connected = socket.socket(socket.AF_UNIX)
        try:
            connected.settimeout(limit_s)
            connected.connect(kernel_name(name))
            if name.startswith("@") and (user := peer_user(connected)) not in (os.getuid(), 0):
                raise ChannelError(f"the process at {name} is of user {user}, not of this one")
        except (ConnectionRefusedError, FileNotFoundError):
            connected.close()
            raise NoProcessError(f"no process listens at {name}") from None
        except OSError as error:
            connected.close()
            raise ChannelError(f"cannot connect to {name}: {_reason(error)}") from None
        except ChannelError:
            connected.close()
            raise
        return cls(connected, limit_s)

    def set_limit(self, limit_s: float) -> None:
        """Sets how many seconds each answer may take from now on."""
        self._limit_s = limit_s
        self._socket.settimeout(limit_s)

    def ask(self, message: Message) -> tuple[Message, list[int]]:
        """Sends a message and waits for the answer with its descriptors, which are the caller's.

        Raises:
            ChannelError: the process is gone, does not answer in time, refuses, or is none of ours.
        """
        self.send(message)
        answer = self.receive()
        if answer["type"] == "refused":
            raise ChannelError(text_of(answer, "reason"))
        count = answer.get("descriptors", 0)
        assert isinstance(count, int)
        taken, self._descriptors = self._descriptors[:count], self._descriptors[count:]
        return answer, taken

    def send(self, message: Message) -> None:
        """Sends a message.

        Raises:
            ChannelError: the process is gone or does not read.
        """
        try:
            self._socket.sendall(encode(message))
        except OSError as error:
            raise self._lost(error) from None

    def receive(self) -> Message:
        """The next message.

        Raises:
            ChannelError: the process is gone, silent or no process of hot restart.
        """
        while not self._messages:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._socket, 65536, MOST_DESCRIPTORS)
            except OSError as error:
                raise self._lost(error) from None
            self._descriptors += descriptors
            if not data:
                raise GoneError("the process has closed the connection")
            try:
                self._messages.extend(self._decoder.feed(data))
            except WireError as error:
                raise ChannelError(f"the process does not speak hot restart: {error}") from None
        return self._messages.popleft()

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()
        close_all(self._descriptors)
        self._descriptors = []

    def _lost(self, error: OSError) -> ChannelError:
        if isinstance(error, TimeoutError):
            return ChannelError(f"the process does not answer within {self._limit_s:g} s")
        return GoneError(f"the connection broke: {_reason(error)}")


def peer_user(connected: socket.socket) -> int:
    """The user id of the process on the other side."""
    raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    user = _CREDENTIALS.unpack(raw)[1]
    assert isinstance(user, int)
    return user


def close_all(descriptors: Sequence[int]) -> None:
    """Closes descriptors."""
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
