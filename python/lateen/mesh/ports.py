"""Ports of the machine that nobody has."""

from __future__ import annotations

import socket
from collections.abc import Iterator

# Below those that the kernel gives to clients (net.ipv4.ip_local_port_range).
_FIRST, _LAST = 20_000, 32_767
_APART = 48


class PortsError(Exception):
    """No port is free; the message says so."""


def free_ports(mesh: int) -> Iterator[int]:
    """Free TCP ports, each once.

    Args:
        mesh: its number: meshes that start at one time begin at different ports.

    Raises:
        PortsError: there is none left.
    """
    for port in range(_FIRST + mesh * _APART, _LAST):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
        yield port
    raise PortsError(f"no port from {_FIRST} to {_LAST} is free")
