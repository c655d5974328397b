"""Prints docs/envoy-coverage.md: `python -m lateen.proxy.coverage`."""

from __future__ import annotations

import sys

from lateen.config.coverage import render
from lateen.protos import envoy_types
from lateen.proxy.compile.supported import support_table


def page() -> str:
    """What docs/envoy-coverage.md must hold."""
    return render(support_table(), envoy_types())


if __name__ == "__main__":
    sys.stdout.write(page())
