"""Replaces the root of an authority, while every workload goes on to trust every other.

Three steps, each once the one before has reached all: the new root is trusted beside the old one;
the new one signs; the old one is not trusted any more. The files say which step is next, so that
a step which was interrupted is done again.

Source: Istio, "Plug in CA Certificates", and its multi-root support (root-cert.pem with two roots).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import msgspec
from cryptography import x509

from lateen.control.ca.authority import DEFAULT_LIFE, Authority, CaError, new_authority, pem
from lateen.control.ca.files import ROOT, certificates, load, locked, write, write_signer

_STATE = "rotation.json"
_NEXT = "next"
# In this time each workload has got a new certificate, and with it the roots.
_WAIT_S = DEFAULT_LIFE.total_seconds()


class Step(Enum):
    """What has been done last."""

    PREPARED = "prepared"
    SWITCHED = "switched"
    FINISHED = "finished"


class _State(msgspec.Struct, frozen=True):
    step: Step
    since: float


@dataclass(frozen=True)
class Rotation:
    """Where the replacement of a root is.

    Attributes:
        step: that has been done; FINISHED: none is under way.
        wait_s: seconds until the next should be done.
    """

    step: Step
    wait_s: float = 0.0


def rotation(directory: Path) -> Rotation:
    """Where the replacement of an authority's root is.

    Raises:
        CaError: the file that says so cannot be read.
    """
    path = directory / _STATE
    try:
        state = msgspec.json.decode(path.read_bytes(), type=_State)
    except FileNotFoundError:
        return Rotation(Step.FINISHED)
    except (OSError, msgspec.DecodeError) as error:
        raise CaError(f"cannot read {path}: {error}") from None
    return Rotation(state.step, max(0.0, state.since + _WAIT_S - time.time()))


def rotate(directory: Path, *, early: bool = False) -> Rotation:
    """Do the next step.

    Args:
        directory: of the authority.
        early: although not every workload may have heard of the step before.

    Raises:
        CaError: it is too early, the root's key is elsewhere, or a file cannot be read or written.
    """
    with locked(directory):
        now = rotation(directory)
        if now.wait_s > 0 and not early:
            hours = now.wait_s / 3600
            raise CaError(
                f"the last step ({now.step.value}) may not have reached all workloads yet: try "
                f"again in {hours:.1f} hours, or with --now, which breaks those it has not reached"
            )
        if now.step is Step.FINISHED:
            return _prepare(directory)
        return _switch(directory) if now.step is Step.PREPARED else _finish(directory)


def _prepare(directory: Path) -> Rotation:
    old = load(directory)
    if old.certificate != old.root:
        raise CaError(
            f"{directory} has an intermediate, whose root's key is elsewhere: put the new root "
            f"beside the old one in {ROOT} by hand (docs/identity.md)"
        )
    new = new_authority(old.root.subject)
    folder = directory / _NEXT
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise CaError(f"cannot make {folder}: {error.strerror}") from None
    write_signer(folder, new)
    _trust(directory, (*old.roots, new.root))
    return _note(directory, Step.PREPARED)


def _switch(directory: Path) -> Rotation:
    new = load(directory / _NEXT)
    old = [root for root in certificates(directory / ROOT) if root != new.root]
    write_signer(directory, Authority((*old, new.root), new.certificate, new.key))
    return _note(directory, Step.SWITCHED)


def _finish(directory: Path) -> Rotation:
    _trust(directory, (load(directory).root,))
    # It has nothing any more that the directory itself lacks.
    shutil.rmtree(directory / _NEXT, ignore_errors=True)
    (directory / _STATE).unlink()
    return Rotation(Step.FINISHED)


def _trust(directory: Path, roots: Iterable[x509.Certificate]) -> None:
    write(directory / ROOT, "".join(map(pem, roots)).encode())


def _note(directory: Path, step: Step) -> Rotation:
    write(directory / _STATE, msgspec.json.encode(_State(step, time.time())))
    return Rotation(step, _WAIT_S)
