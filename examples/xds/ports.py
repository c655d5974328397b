"""The ports of the example, all on the loopback address."""

from __future__ import annotations

import argparse
import random
import socket
from contextlib import suppress
from dataclasses import dataclass, fields

_NOT_GIVEN = (20_000, 32_000)


@dataclass(frozen=True)
class Ports:
    """Who listens where."""

    control_plane: int = 18000
    front: int = 10000
    admin: int = 9901
    v1: int = 8081
    v2: int = 8082

    @classmethod
    def from_options(cls, options: argparse.Namespace) -> Ports:
        """The ports that the command line names."""
        return cls(**{each.name: getattr(options, f"{each.name}_port") for each in fields(cls)})

    @property
    def flags(self) -> list[str]:
        """The command line that names these ports."""
        values = [(_flag(each.name), getattr(self, each.name)) for each in fields(self)]
        return [f"{flag}={value}" for flag, value in values]


def add_flags(parser: argparse.ArgumentParser) -> None:
    """A flag for each port."""
    for each in fields(Ports):
        parser.add_argument(
            _flag(each.name), type=int, default=each.default, help="default: %(default)s"
        )


def free_ports() -> Ports:
    """Ports that nobody uses now."""
    probes = [_free() for _ in fields(Ports)]
    try:
        return Ports(*(probe.getsockname()[1] for probe in probes))
    finally:
        for probe in probes:
            probe.close()


def _free() -> socket.socket:
    """A port below those that the kernel gives to connections, which could take it meanwhile."""
    while True:
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", random.randrange(*_NOT_GIVEN)))


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}-port"
