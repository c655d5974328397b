"""`lateen version`: prints the version."""

from __future__ import annotations

from lateen.proxy.version import version_line


def run() -> None:
    """Print the version."""
    print(version_line())
