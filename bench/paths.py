"""Where the programs are if the command line does not say."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]


def default_target() -> Path:
    """Cargo's target directory."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("CARGO_TARGET_DIR") or cache / "lateen" / "target")


def default_envoy() -> Path:
    """The binary of the package in .venv-envoy."""
    found = sorted(ROOT.glob(".venv-envoy/lib/python*/site-packages/envoy/_bin/envoy"))
    return found[0] if found else ROOT / ".venv-envoy" / "envoy"


def default_lateen() -> Path:
    """The command that `make build` leaves."""
    return ROOT / ".venv" / "bin" / "lateen"
