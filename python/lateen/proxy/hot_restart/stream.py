"""A connection between two processes of hot restart, for the side whose loop may not wait."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Sequence

from lateen.proxy.hot_restart.wire import Decoder, Message, encode

_PAUSE_S = 0.01


class StreamEndedError(Exception):
    """The other process is gone."""


class Stream:
    """Messages over a socket, in the event loop."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self.socket = connected
        self._decoder = Decoder()
        self._messages: deque[Message] = deque()

    async def receive(self) -> Message:
        """The next message.

        Raises:
            StreamEndedError: there is none.
            WireError: what came is no message.
        """
        loop = asyncio.get_running_loop()
        while not self._messages:
            try:
                data = await loop.sock_recv(self.socket, 65536)
            except OSError:
                data = b""
            if not data:
                raise StreamEndedError
            self._messages.extend(self._decoder.feed(data))
        return self._messages.popleft()

    async def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Sends a message with descriptors, which stay the caller's.

        Raises:
            StreamEndedError: the other process is gone.
        """
        frame = encode({**message, "descriptors": len(descriptors)})
        try:
            if descriptors:
                frame = frame[await self._send_first(frame, descriptors) :]
            await asyncio.get_running_loop().sock_sendall(self.socket, frame)
        except OSError:
            raise StreamEndedError from None

    async def _send_first(self, frame: bytes, descriptors: Sequence[int]) -> int:
        """Sends the beginning of a frame, which carries the descriptors; how much that was."""
        while True:
            try:
                return socket.send_fds(self.socket, [frame], list(descriptors))
            except BlockingIOError:
                await asyncio.sleep(_PAUSE_S)

    def close(self) -> None:
        """Ends the connection."""
        self.socket.close()
