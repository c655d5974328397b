"""Both terminals of the example in one: the control plane, the proxy, and load."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from ports import Ports, add_flags, free_ports

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Runs until Ctrl-C, or with --once until the canary has arrived; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="end when all requests go to v2")
    parser.add_argument("--step-seconds", type=float, default=2.0, help="default: %(default)s")
    parser.add_argument("--free-ports", action="store_true", help="not those of the README")
    add_flags(parser)
    options = parser.parse_args()
    ports = free_ports() if options.free_ports else Ports.from_options(options)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    interval = f"--interval={options.step_seconds / 2}"
    once = ["--once"] if options.once else []
    plane = start("control_plane.py", f"--step-seconds={options.step_seconds}", *ports.flags)
    traffic = start("traffic.py", interval, *once, *ports.flags)
    try:
        return wait(traffic, plane)
    except KeyboardInterrupt:
        return 0
    finally:
        for process in (traffic, plane):
            stop(process)


def wait(traffic: subprocess.Popen[bytes], plane: subprocess.Popen[bytes]) -> int:
    """Waits for the end of the load, or of the control plane, without which it would not end."""
    while (code := traffic.poll()) is None:
        if plane.poll() is not None:
            print(f"the control plane ended with {plane.returncode}", file=sys.stderr)
            return 1
        time.sleep(0.1)
    return code


def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts one of the example's programs."""
    return subprocess.Popen([sys.executable, str(HERE / name), *arguments])


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a program; not as Ctrl-C does, which what a shell runs in the background ignores."""
    with suppress(KeyboardInterrupt):
        if process.poll() is None:
            process.terminate()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
