"""What is shown of a mesh."""

import io

from rich.console import Console

from lateen.mesh.console import screen


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


def test_names_are_coloured_on_a_terminal():
    text = shown(True, [("web-1", "hello"), ("control", "there")])
    assert "\x1b[36mweb-1   | \x1b[0mhello" in text
    assert "\x1b[35mcontrol | \x1b[0mthere" in text
