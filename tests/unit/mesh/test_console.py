"""What is shown of a mesh."""

import asyncio
import io
from pathlib import Path

from rich.console import Console

from lateen.mesh.console import Screen, screen
from lateen.mesh.process import Program, State, Supervised


def shown(terminal, lines):
    text, colours = io.StringIO(), "standard" if terminal else None
    console = Console(file=text, force_terminal=terminal, width=40, color_system=colours)
    with screen({"web-1": "10.0.0.1", "control": "10.0.0.2"}, console) as made:
        for name, line in lines:
            made.of(name)(line)
        made.say("ready")
    return text.getvalue()


def test_lines_are_plain_where_no_terminal_is():
    long = "a [bold] line of more than the width of the terminal"
    assert shown(False, [("web-1", long), ("control", "\x1b[31mred\x1b[0m")]).splitlines() == [
        f"web-1   | {long}",
        "control | red",
        "up      | ready",
    ]


def test_the_table_tells_what_happened_word_for_word():
    async def run():
        one = Supervised(Program("web-1", None, None, Path(), {}), print, print)
        one.status.state, one.status.detail = State.waiting, "cannot be started: [/shop/a]"
        return one

    console = Console(file=io.StringIO(), width=100)
    made = Screen({"web-1": "10.0.0.1"}, console)
    made.show([asyncio.run(run())])
    console.print(made.table())
    assert "cannot be started: [/shop/a]" in console.file.getvalue()


def test_names_are_coloured_on_a_terminal():
    text = shown(True, [("web-1", "hello"), ("control", "there")])
    assert "\x1b[36mweb-1   | \x1b[0mhello" in text
    assert "\x1b[35mcontrol | \x1b[0mthere" in text
