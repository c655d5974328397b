"""Waits until proxies have what is in force."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

PAGE = "/debug/generations"
_POLL_S = 0.1


class WaitError(Exception):
    """What is waited for will not come; the message says why."""


class ProxyState(msgspec.Struct, frozen=True):
    """What a proxy has."""

    proxy: str
    connection: str
    sent: int
    acknowledged: int
    refused: dict[str, dict[str, str]]


class FileState(msgspec.Struct, frozen=True):
    """What is in force of a file."""

    read: bool
    stamp: tuple[int, int] | None
    problems: list[str]


class State(msgspec.Struct, frozen=True):
    """What `/debug/generations` says."""

    generation: int
    digest: str
    proxies: list[ProxyState]
    file: FileState | None = None


Ask = Callable[[Mapping[str, str]], State]


@dataclass(frozen=True)
class Wanted:
    """What is waited for.

    Attributes:
        generation: that proxies are to have; 0: what is in force when waiting begins.
        file: whose content is to be in force first, or that is to be gone; None: none.
        proxy: the only one that counts, by name or connection; empty: all that are connected.
        timeout_s: how long is waited.
    """

    generation: int = 0
    file: Path | None = None
    proxy: str = ""
    timeout_s: float = 30.0


@dataclass(frozen=True)
class Outcome:
    """How waiting ended.

    Attributes:
        generation: that was waited for; 0: the file did not come into force.
        had: proxies that have it.
        missing: those that have not, with the reason.
    """

    generation: int
    had: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether everybody has it."""
        return self.generation > 0 and not self.missing


def wait(wanted: Wanted, ask: Ask) -> Outcome:
    """Ask until all proxies have what is wanted, or the time is over.

    Args:
        ask: gives the page for parameters of a query.

    Raises:
        WaitError: the file has mistakes, or is none of those that are read.
    """
    deadline = time.monotonic() + wanted.timeout_s
    stamp = _stamp(wanted.file)
    parameters = {"file": str(wanted.file.resolve())} if wanted.file is not None else {}
    generation = wanted.generation
    while True:
        state = ask(parameters)
        in_force = state.file is None or _in_force(wanted.file, state.file, stamp)
        if in_force and not generation:
            generation = state.generation
        outcome = _outcome(state, generation if in_force else 0, wanted.proxy)
        if outcome.complete or time.monotonic() >= deadline:
            return outcome
        time.sleep(_POLL_S)


def _stamp(file: Path | None) -> tuple[int, int] | None:
    """What tells the file's content from others; None: it is not there, as the reading has it."""
    if file is None:
        return None
    try:
        status = os.stat(file)
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size)


def _in_force(file: Path | None, state: FileState, stamp: tuple[int, int] | None) -> bool:
    if not state.read:
        raise WaitError(f"{file} is not in the directory that the control plane reads")
    if state.stamp != stamp:
        return False
    if state.problems:
        raise WaitError("\n".join(state.problems))
    return True


def _outcome(state: State, generation: int, proxy: str) -> Outcome:
    had: list[str] = []
    missing: dict[str, str] = {}
    chosen = [one for one in state.proxies if proxy in ("", one.proxy, one.connection)]
    for one in chosen:
        reasons = {why for by_name in one.refused.values() for why in by_name.values()}
        if reasons:
            missing[one.connection] = f"refused: {'; '.join(sorted(reasons))}"
        elif not generation or one.acknowledged < generation:
            missing[one.connection] = f"has generation {one.acknowledged}"
        else:
            had.append(one.connection)
    if proxy and not chosen:
        missing[proxy] = "is not connected"
    if state.generation < generation:
        missing["the control plane"] = f"has generation {state.generation}"
    return Outcome(generation, had, missing)
