"""The steps of a case that speak HTTP/2."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace

from tests.interop.config import Scene
from tests.interop.model import End2, Open2, Read2, Send2
from tests.interop.observation import Normaliser, Observation, message_lines
from tests.support.http2 import (
    INITIAL_WINDOW_SIZE,
    PREFACE,
    Headers,
    Http2Peer,
    Part,
    error_name,
    settings,
)
from tests.support.http2_upstream import Upstream2


class Http2Talk:
    """The HTTP/2 connections of one case; `connect` opens a named one, `forget` closes it."""

    def __init__(
        self,
        scene: Scene,
        seen: Observation,
        normaliser: Normaliser,
        connect: Callable[[str], socket.socket],
        forget: Callable[[str], None],
    ) -> None:
        self.peers: dict[str, Http2Peer] = {}
        self._scene = scene
        self._seen = seen
        self._normaliser = normaliser
        self._connect = connect
        self._forget = forget

    def do(self, step: Open2 | Send2 | Read2 | End2) -> None:
        """Do one step, and note what came."""
        match step:
            case Open2():
                self._open(step)
            case Send2(parts, on):
                self._peer(on).send([self._filled(part) for part in parts])
            case Read2():
                self._read(step)
            case End2():
                self._end(step)

    def _open(self, step: Open2) -> None:
        sock = self._connect(step.on)
        window = step.values.get(INITIAL_WINDOW_SIZE, 65535)
        peer = Http2Peer(sock, 5.0, step.reads, step.answers, min(window // 2, 16384))
        self.peers[step.on] = peer
        peer.write(PREFACE)
        peer.send([settings(step.values)])
        # What is counted does not depend on when the settings of the other side came.
        peer.read_settings()

    def _peer(self, name: str) -> Http2Peer:
        if name not in self.peers:
            self._open(Open2(name))
        return self.peers[name]

    def _filled(self, part: Part) -> Part:
        if not isinstance(part, Headers):
            return part
        fields = [(name, self._scene.fill_in(value)) for name, value in part.fields]
        return replace(part, fields=fields)

    def _read(self, step: Read2) -> None:
        peer = self._peer(step.on)
        why = peer.read_until_over(step.streams, step.within)
        for stream in step.streams:
            message = peer.message(stream)
            self._seen.statuses.append(message.status)
            self._seen.client.append(f"stream {stream}")
            self._seen.client += message_lines(message, self._normaliser)
        if why:
            self._seen.client.append(f"and {why if why == 'nothing more' else 'ended'}")

    def _end(self, step: End2) -> None:
        peer = self.peers.pop(step.on)
        # It may be a reset where the other side has not read all that was sent.
        state = "open" if peer.state_after(step.within) == "open" else "ended"
        for last, code in [] if step.ended else peer.goaways:
            shown = "all" if last == 2**31 - 1 else last
            self._seen.client.append(f"goaway {error_name(code)} last {shown}")
        if step.shown:
            values = sorted(peer.peer_settings)
            told = f"settings {values} pings {peer.pings} pongs {peer.pongs}"
            self._seen.client.append(told)
        self._seen.client.append(f"connection: {state}")
        self._forget(step.on)


def connection_lines(name: str, upstream: Upstream2) -> list[str]:
    """What an upstream's connections were told."""
    lines = []
    for number, peer in enumerate(upstream.peers):
        if upstream.script.shown:
            values = sorted(peer.peer_settings)
            lines.append(f"{name} connection {number} settings {values} pinged {peer.pings > 0}")
        for last, code in peer.goaways:
            lines.append(f"{name} connection {number} goaway {error_name(code)} last {last}")
    return lines
