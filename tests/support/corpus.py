"""Data of Istio's own tests, read where it lies beside the checkout: never part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "LATEEN_ISTIO_CORPUS"
_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "istio"


def istio_corpus(part: str) -> Path:
    """The folder of one part of the data; skips the test, and says why, where it is missing."""
    found = Path(os.environ.get(VARIABLE) or _BESIDE) / part
    if not found.is_dir():
        pytest.skip(f"no {found}: set {VARIABLE} to the folder with data of Istio's tests")
    return found
