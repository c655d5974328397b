"""Puts a plan into force in this network namespace, and takes it away again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from lateen.capture import iptables, nftables
from lateen.capture.plan import Plan, PlanError
from lateen.capture.rules import PASSTHROUGH, Family, Rule, Version

Backend = Literal["iptables", "nftables"]
STATE_DIRECTORY = Path("/run/lateen")
_SECONDS = 30
_IPTABLES: dict[Version, str] = {4: "iptables", 6: "ip6tables"}


class CaptureError(Exception):
    """The rules could not be changed; the message says what failed and what to do."""


@dataclass(frozen=True)
class Applied:
    """What is in force, as the namespace's file in STATE_DIRECTORY says."""

    plan: Plan
    backend: Backend


def apply(plan: Plan, backend: Backend, state: Path | None = None) -> None:
    """Put a plan into force in place of what was; what is in force already stays as it is.

    Args:
        state: where it is noted what is in force; None: the file of this network namespace.

    Raises:
        CaptureError: a command failed. Each table is changed as a whole or not at all.
    """
    state = state or state_file()
    before = _read(state)
    if before is not None and before.backend != backend:
        _remove(before)
        before = None
    old = before.plan if before is not None else plan
    for version in _versions(plan, old):
        wanted = Family(plan, version).rules() if version == 4 or plan.ipv6 else []
        _replace(backend, version, wanted, Family(old, version).rules())
    _unroute(old)
    _route(plan)
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_bytes(msgspec.json.encode(Applied(plan, backend)) + b"\n")


def clean(plan: Plan, backend: Backend, state: Path | None = None) -> None:
    """Take away what is in force; when nobody noted what that is, what `plan` would be.

    Raises:
        CaptureError: a command failed.
    """
    state = state or state_file()
    _remove(_read(state) or Applied(plan, backend))
    state.unlink(missing_ok=True)


def state_file() -> Path:
    """The file of this network namespace."""
    return STATE_DIRECTORY / f"capture-{os.stat('/proc/self/ns/net').st_ino}.json"


def _remove(applied: Applied) -> None:
    plan = applied.plan
    for version in _versions(plan, plan):
        _replace(applied.backend, version, [], Family(plan, version).rules())
    _unroute(plan)


def _read(state: Path) -> Applied | None:
    try:
        return msgspec.json.decode(state.read_bytes(), type=Applied)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, PlanError) as error:
        raise CaptureError(f"cannot read {state}: {error}; remove it if it is not yours") from None


def _versions(plan: Plan, old: Plan) -> list[Version]:
    return [4, 6] if plan.ipv6 or old.ipv6 else [4]


def _replace(
    backend: Backend, version: Version, wanted: Sequence[Rule], old: Sequence[Rule]
) -> None:
    if backend == "nftables":
        text = nftables.script(wanted, version) if wanted else nftables.removal(version)
        _run(["nft", "--file", "-"], text)
        return
    command = _IPTABLES[version]
    saved = _run([f"{command}-save"])
    standing = [rule for rule in iptables.in_built_in_chains(old) if _stands(command, rule)]
    removed = iptables.removal(saved, standing)
    if text := iptables.restore_text(wanted, removed):
        _run([f"{command}-restore", "--noflush", "--wait"], text)


def _stands(command: str, rule: Rule) -> bool:
    argv = [command, "--wait", "-t", rule.table, "-C", rule.chain, *rule.words]
    return _call(argv).returncode == 0


def _route(plan: Plan) -> None:
    """What packets need beside rules: marked ones are local (TPROXY), `::6` is an address."""
    for version in _versions(plan, plan):
        if plan.is_tproxy and plan.inbound_ports:
            _run(_ip(version, "rule", "add", *_marked(plan)))
            _run(_ip(version, "route", "add", *_everything(plan, version)))
        if version == 6:
            _run(_ip(6, "addr", "replace", PASSTHROUGH[6], "dev", "lo"))


def _unroute(plan: Plan) -> None:
    for version in _versions(plan, plan):
        if plan.is_tproxy:
            _call(_ip(version, "rule", "del", *_marked(plan)))
            _call(_ip(version, "route", "del", *_everything(plan, version)))
        if version == 6:
            _call(_ip(6, "addr", "del", PASSTHROUGH[6], "dev", "lo"))


def _ip(version: Version, *words: str) -> list[str]:
    return ["ip", f"-{version}", *words]


def _marked(plan: Plan) -> tuple[str, ...]:
    return ("fwmark", str(plan.tproxy_mark), "lookup", str(plan.tproxy_route_table))


def _everything(plan: Plan, version: Version) -> tuple[str, ...]:
    every = "0.0.0.0/0" if version == 4 else "::/0"
    return ("local", every, "dev", "lo", "table", str(plan.tproxy_route_table))


def _run(argv: Sequence[str], text: str = "") -> str:
    """Run a command that must succeed; returns what it printed.

    Raises:
        CaptureError: it is not there, or it fails.
    """
    done = _call(argv, text)
    if done.returncode == 0:
        return done.stdout
    said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
    hint = ""
    if os.geteuid() != 0 or "ermission denied" in said or "not permitted" in said:
        hint = "; it takes root (or CAP_NET_ADMIN and CAP_NET_RAW) in the network namespace"
    raise CaptureError(f"{' '.join(argv)}: {said}{hint}")


def _call(argv: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run
    try:
        return run(argv, input=text, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except FileNotFoundError:
        package = {"nft": "nftables", "ip": "iproute2"}.get(argv[0], "iptables")
        raise CaptureError(f"{argv[0]} is missing: apt-get install {package}") from None
    except subprocess.TimeoutExpired:
        raise CaptureError(f"{' '.join(argv)}: no end after {_SECONDS} s") from None
