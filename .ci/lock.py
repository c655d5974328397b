"""Writes requirements.lock: exact versions of what pyproject.toml asks for, and what that needs.

Run by `make lock`, in an empty virtual environment. Only names and versions are written: where
they came from and what this machine looks like is nobody's business.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEADER = "# made by `make lock`: what `make build` installs into .venv\n"


def wanted() -> list[str]:
    """Return the requirements of the project, its development and its build."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        pyproject = tomllib.load(file)
    project = pyproject["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    found = [*project["dependencies"], *pyproject["build-system"]["requires"]]
    return sorted({*found, *(name for group in extras.values() for name in group)})


def resolved(requirements: list[str]) -> dict[str, str]:
    """Return the versions that pip would install, by name."""
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    argv += ["--report", "-", *requirements]
    report = json.loads(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout)
    packages = [one["metadata"] for one in report["install"]]
    return {one["name"].lower().replace("_", "-"): one["version"] for one in packages}


def main() -> None:
    """Write the file."""
    versions = resolved(wanted())
    lines = [f"{name}=={version}\n" for name, version in sorted(versions.items())]
    (ROOT / "requirements.lock").write_text(HEADER + "".join(lines))


if __name__ == "__main__":
    main()
