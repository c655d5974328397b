"""In-tree build backend: makes the generated files, then lets maturin build (PEP 517, PEP 660).

Run as a script it only makes the generated files, and skips that when their inputs are unchanged:

    python build_backend/lateen_build.py
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import generate

ROOT = Path(__file__).resolve().parent.parent

ConfigSettings = Mapping[str, object] | None


def get_requires_for_build_wheel(config_settings: ConfigSettings = None) -> list[str]:
    """What else a wheel build needs, beside pyproject's list."""
    import maturin

    return list(maturin.get_requires_for_build_wheel(config_settings))


def get_requires_for_build_editable(config_settings: ConfigSettings = None) -> list[str]:
    """What else an editable build needs, beside pyproject's list."""
    import maturin

    return list(maturin.get_requires_for_build_editable(config_settings))


def get_requires_for_build_sdist(config_settings: ConfigSettings = None) -> list[str]:
    """What else a source distribution needs, beside pyproject's list."""
    import maturin

    return list(maturin.get_requires_for_build_sdist(config_settings))


def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: ConfigSettings = None
) -> str:
    """Write the wheel's metadata; needs no generated file."""
    import maturin

    return str(maturin.prepare_metadata_for_build_wheel(metadata_directory, config_settings))


def prepare_metadata_for_build_editable(
    metadata_directory: str, config_settings: ConfigSettings = None
) -> str:
    """Write the editable wheel's metadata; needs no generated file."""
    import maturin

    return str(maturin.prepare_metadata_for_build_editable(metadata_directory, config_settings))


def build_wheel(
    wheel_directory: str,
    config_settings: ConfigSettings = None,
    metadata_directory: str | None = None,
) -> str:
    """Generate, then build a wheel."""
    import maturin

    generate.all_files(ROOT)
    return str(maturin.build_wheel(wheel_directory, config_settings, metadata_directory))


def build_editable(
    wheel_directory: str,
    config_settings: ConfigSettings = None,
    metadata_directory: str | None = None,
) -> str:
    """Generate, then build an editable wheel."""
    import maturin

    generate.all_files(ROOT)
    return str(maturin.build_editable(wheel_directory, config_settings, metadata_directory))


def build_sdist(sdist_directory: str, config_settings: ConfigSettings = None) -> str:
    """Generate, then build a source distribution."""
    import maturin

    generate.all_files(ROOT)
    return str(maturin.build_sdist(sdist_directory, config_settings))


if __name__ == "__main__":
    generate.all_files(ROOT)
