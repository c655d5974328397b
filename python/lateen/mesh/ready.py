"""Whether a process serves, seen from outside: its application sees no connection of it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

_LISTEN = "0A"
_SECONDS = 2.0
_UNSPECIFIED = frozenset(("0.0.0.0", "::"))


async def answers(host: str, port: int, path: str) -> bool:
    """Whether a GET is answered with 200 within two seconds."""
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                request = f"GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n"
                writer.write(request.encode())
                status = (await reader.readline()).split()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status[1:2] == [b"200"]


def listens(pid: int, host: str, ports: Collection[int]) -> bool:
    """Whether all these TCP ports are listened to in the network namespace of a process.

    Args:
        host: at this address, or at every address.

    Source: Linux, Documentation/networking/proc_net_tcp.rst.
    """
    found = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            local, _, state = line.split()[1:4]
            address, _, port = local.partition(":")
            if state == _LISTEN and _address(address) in {host, *_UNSPECIFIED}:
                found.add(int(port, 16))
    return found.issuperset(ports)


def _address(text: str) -> str:
    """Words of 32 bits in the order of the machine, which is taken to be little-endian."""
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    packed = b"".join(words)
    return str(IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed))
