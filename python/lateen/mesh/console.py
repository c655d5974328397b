"""What a user sees: lines of all programs by name, and below them a table where a terminal is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lateen.mesh.process import State, Supervised

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_cyan", "bright_magenta")
_STATES = {State.ready: "green", State.waiting: "red", State.ended: "dim"}
_OWN = "up"


class Screen:
    """Shows programs.

    Args:
        programs: name and address of each that will run.
        console: where it is shown.
    """

    def __init__(self, programs: Mapping[str, str], console: Console) -> None:
        self._console = console
        self._addresses = programs
        self._width = max(map(len, (*programs, _OWN)))
        self._colours = {
            name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(programs)
        }
        self._shown: Sequence[Supervised] = ()

    def show(self, programs: Sequence[Supervised]) -> None:
        """What the table is of from now on."""
        self._shown = programs

    def of(self, name: str) -> Callable[[str], None]:
        """Shows lines of a program."""
        return lambda line: self._line(name, Text.from_ansi(line))

    def say(self, line: str) -> None:
        """Show a line of `lateen up` itself."""
        self._line(_OWN, Text(line, style="bold"))

    def _line(self, name: str, text: Text) -> None:
        style = self._colours.get(name, "bold")
        line = Text.assemble((f"{name:{self._width}} | ", style), text)
        self._console.print(line, soft_wrap=True)

    def table(self) -> Table:
        """The programs and how they are."""
        table = Table(box=None, pad_edge=False)
        for column in ("INSTANCE", "STATE", "ADDRESS", "PID", "RESTARTS", ""):
            table.add_column(column, no_wrap=True)
        for one in self._shown:
            name, status = one.program.name, one.status
            table.add_row(
                Text(name, style=self._colours.get(name, "")),
                Text(status.state, style=_STATES.get(status.state, "yellow")),
                self._addresses.get(name, ""),
                str(status.pid or ""),
                str(status.restarts or ""),
                Text(status.detail),
            )
        return table


@contextmanager
def screen(programs: Mapping[str, str], console: Console | None = None) -> Iterator[Screen]:
    """A screen for the block's length, with the table below its lines where a terminal is.

    Args:
        programs: name and address of each that will run.
        console: where it is shown; None: on standard output.
    """
    console = console or Console(highlight=False)
    made = Screen(programs, console)
    if not console.is_terminal:
        yield made
        return
    with Live(get_renderable=made.table, console=console, transient=True):
        yield made
