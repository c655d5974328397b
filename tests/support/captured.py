"""Connects to addresses, beside listeners that stand for a sidecar: who got which connection?

Run inside a network namespace, with lines `USER ADDRESS PORT` on standard input; prints for each
`PORT ADDRESS PORT` (of the listener that took it, and where it was going to) or `-`.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys

ORIGINAL_DST = 80
SECONDS = 1.0


def listeners() -> list[socket.socket]:
    """Listeners of both families at the sidecar's ports and the application's."""
    made = []
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for port in (15001, 15006, 8080):
            listener = socket.socket(family)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if port == 15006:
                # IP_TRANSPARENT, IPV6_TRANSPARENT
                level, option = (0, 19) if family == socket.AF_INET else (41, 75)
                listener.setsockopt(level, option, 1)
            listener.bind((address, port))
            listener.listen()
            made.append(listener)
    return made


def destination(taken: socket.socket) -> tuple[str, int]:
    """Where the client wanted to go."""
    if taken.family == socket.AF_INET:
        level, size = socket.IPPROTO_IP, 16
    else:
        level, size = socket.IPPROTO_IPV6, 28
    try:
        raw = taken.getsockopt(level, ORIGINAL_DST, size)
    except OSError:
        return taken.getsockname()[:2]
    (port,) = struct.unpack_from("!H", raw, 2)
    packed = raw[4:8] if size == 16 else raw[8:24]
    return socket.inet_ntop(taken.family, packed), port


def connect(user: int, address: str, port: int) -> int:
    """Connect as a user in a child process, which ends when its standard input does."""
    child = os.fork()
    if child:
        return child
    os.setgid(user)
    os.setuid(user)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as client:
        client.settimeout(SECONDS)
        try:
            client.connect((address, port))
        except OSError:
            os._exit(1)
        select.select([client], [], [], SECONDS)
    os._exit(0)


def main() -> None:
    """Answer every line."""
    waiting = listeners()
    for line in sys.stdin:
        user, address, port = line.split()
        child = connect(int(user), address, int(port))
        ready, _, _ = select.select(waiting, [], [], SECONDS)
        told = "-"
        if ready:
            taken, _ = ready[0].accept()
            where = destination(taken)
            told = f"{ready[0].getsockname()[1]} {where[0]} {where[1]}"
            taken.close()
        os.waitpid(child, 0)
        print(told, flush=True)


if __name__ == "__main__":
    main()
