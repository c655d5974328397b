"""Runs a program that is told to end when its parent does: a script, for a new interpreter.

Between fork and exec, where else this is said, no Python may run: the agent has other threads.
"""

import ctypes
import os
import signal
import sys

INTERPRETER = "/proc/self/exe"
"""Python as it runs here: this user may have no way to its path, or that may be another by now."""

LATEEN = (sys.executable, "-c", "import sys; from lateen.cli.main import main; sys.exit(main())")
"""`lateen`, wherever it is installed."""

_PR_SET_PDEATHSIG = 1
_CANNOT_START = 127


def launcher() -> list[str]:
    """What comes before a program and its arguments, so that it ends when this process does."""
    return [sys.executable, "-IS", __file__, str(os.getpid())]


def main() -> None:
    """`launch.py PARENT PROGRAM ARGUMENT...`: becomes the program."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)  # it has ended before this was said
    program = INTERPRETER if sys.argv[2] == sys.executable else sys.argv[2]
    try:
        os.execvp(program, sys.argv[2:])
    except OSError as error:
        print(f"cannot start {sys.argv[2]}: {error.strerror}", file=sys.stderr)
        sys.exit(_CANNOT_START)


if __name__ == "__main__":
    main()
