"""The command: `python -m bench.control`."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import machine
from bench.control import measure, report
from bench.control.measure import Sizes
from bench.errors import BenchError
from bench.paths import default_lateen

GROWTH = (100, 300, 1_000, 3_000, 5_000)
JUDGED = 1_000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.control", description=__doc__)
    parser.add_argument(
        "--services", type=int, action="append", help=f"a size; default: {GROWTH}; may be repeated"
    )
    parser.add_argument("--proxies", type=int, default=500, help="default: %(default)s")
    parser.add_argument("--changes", type=int, default=20, help="of each kind, default %(default)s")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--picture", type=Path, help="also draw the growth (SVG) to this file")
    parser.add_argument("--lateen", type=Path, default=default_lateen())
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 1 when something could not be measured."""
    options = _parser().parse_args(arguments)
    machine.raise_file_limit()
    cores = machine.cores()
    about = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": f"{machine.cpu_model()}, {len(cores.available)} cores, shared by everything",
        "kernel": machine.kernel(),
        "mesh": f"10 endpoints a service, 10 namespaces, {options.proxies} delta clients",
        "changes": f"{options.changes} of each kind",
    }
    found = {}
    try:
        for services in options.services or GROWTH:
            sizes = Sizes(services, options.proxies, options.changes)
            found[services] = measure.run(options.lateen, cores, sizes)
            shown = ", ".join(f"{name} {value:.2f}" for name, value in found[services].items())
            print(f"{services} services: {shown}", file=sys.stderr)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(report.markdown(about, found, JUDGED))
    for path, text in (
        (options.json, report.as_json(about, found, JUDGED)),
        (options.picture, report.picture(found)),
    ):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
