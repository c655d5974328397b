"""Network namespaces of a test's own."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

_NUMBERS = itertools.count()


class Namespace:
    """A namespace with a loopback and a route to everywhere, behind which nobody answers."""

    def __init__(self, name: str) -> None:
        self.name = name

    def command(self, argv: Sequence[str]) -> list[str]:
        """What runs a command inside."""
        return ["ip", "netns", "exec", self.name, *argv]

    def run(
        self, *argv: str, check: bool = True, text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside, to its end."""
        return subprocess.run(
            self.command(argv), input=text, capture_output=True, text=True, timeout=60, check=check
        )


@contextmanager
def namespace() -> Iterator[Namespace]:
    """A namespace for the block's length; skips the test, and says why, where none can be made."""
    with _empty() as made:
        made.run("ip", "link", "add", "out", "type", "veth", "peer", "name", "far")
        made.run("ip", "link", "set", "far", "up")
        _join(made, 1)
        yield made


@contextmanager
def neighbours() -> Iterator[tuple[Namespace, Namespace, Namespace]]:
    """Three namespaces that reach each other, 10.77.0.1 to 3; skips as `namespace` does."""
    with _empty() as first, _empty() as second, _empty() as hub:
        hub.run("ip", "link", "add", "out", "type", "bridge")
        for made in (first, second):
            far = f"to-{made.name.rpartition('-')[2]}"
            made.run(
                "ip", "link", "add", "out", "type", "veth", "peer", "name", far, "netns", hub.name
            )
            hub.run("ip", "link", "set", far, "up", "master", "out")
        for number, made in enumerate((first, second, hub), 1):
            _join(made, number)
        yield first, second, hub


def _join(made: Namespace, number: int) -> None:
    """Give a namespace's link addresses, and make it the way to everywhere."""
    made.run("ip", "link", "set", "out", "up")
    made.run("ip", "addr", "add", f"10.77.0.{number}/24", "dev", "out")
    made.run("ip", "addr", "add", f"fd77::{number}/64", "dev", "out", "nodad")
    made.run("ip", "route", "add", "default", "dev", "out")
    made.run("ip", "-6", "route", "add", "default", "dev", "out")


@contextmanager
def _empty() -> Iterator[Namespace]:
    missing = [one for one in ("ip", "iptables", "ip6tables", "nft") if not shutil.which(one)]
    if missing:
        pytest.skip(f"no {', '.join(missing)}: apt-get install iproute2 iptables nftables")
    made = Namespace(f"lateen-{os.getpid()}-{next(_NUMBERS)}")
    added = subprocess.run(
        ["ip", "netns", "add", made.name], capture_output=True, text=True, timeout=60, check=False
    )
    if added.returncode:
        pytest.skip(f"no network namespace can be made: {added.stderr.strip()}")
    try:
        made.run("ip", "link", "set", "lo", "up")
        yield made
    finally:
        subprocess.run(["ip", "netns", "del", made.name], timeout=60, check=True)
