"""A DNS server on a loopback port, whose answers may change from one question to the next."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lateen.closing import Closing

_A, _AAAA = 1, 28
_SERVFAIL, _NXDOMAIN = 2, 3


@dataclass(frozen=True)
class Zone:
    """What is answered for each name: addresses, no answer code, one after the other.

    An answer is the addresses of both families, `servfail`, `nxdomain` or `silence`; the last one
    repeats. Names that are missing do not exist. `ttl` is that of every record, in seconds.
    """

    names: Mapping[str, Sequence[Sequence[str] | str]]
    ttl: int = 60
    asked: list[tuple[str, str]] = field(default_factory=list)


class DnsServer(Closing):
    """Serves a zone over UDP until closed; `zone.asked` tells the (name, type) of each query."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.port: int = self._socket.getsockname()[1]
        self._used: dict[tuple[str, int], int] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._closing.set()
        self._thread.join(5.0)
        self._socket.close()

    def _serve(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(TimeoutError, OSError):
                query, peer = self._socket.recvfrom(1500)
                reply = self._reply(query)
                if reply:
                    self._socket.sendto(reply, peer)

    def _reply(self, query: bytes) -> bytes:
        name, end = _name(query)
        (kind,) = struct.unpack_from("!H", query, end)
        self.zone.asked.append((name, {_A: "A", _AAAA: "AAAA"}.get(kind, str(kind))))
        answers = self.zone.names.get(name, ("nxdomain",))
        used = self._used.get((name, kind), 0)
        self._used[name, kind] = used + 1
        answer = answers[min(used, len(answers) - 1)]
        if answer == "silence":
            return b""
        code = {"servfail": _SERVFAIL, "nxdomain": _NXDOMAIN}.get(str(answer), 0)
        wanted = 4 if kind == _A else 6
        records = [
            struct.pack("!HHHIH", 0xC00C, kind, 1, self.zone.ttl, len(ip.packed)) + ip.packed
            for ip in map(ipaddress.ip_address, () if isinstance(answer, str) else answer)
            if ip.version == wanted and kind in (_A, _AAAA)
        ]
        header = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        return header + query[12 : end + 4] + b"".join(records)


def _name(query: bytes) -> tuple[str, int]:
    labels = []
    position = 12
    while size := query[position]:
        labels.append(query[position + 1 : position + 1 + size].decode().lower())
        position += 1 + size
    return ".".join(labels), position + 1
