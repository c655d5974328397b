"""The entry point, and the list of commands.

`lateen proxy` is run before typer is imported: its process lives long, and typer costs 6 MB.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `lateen`; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["proxy"]:
        from lateen.cli import proxy

        return proxy.run(given[1:])
    if given == ["--version"]:
        from lateen.cli import version

        version.run()
        return 0
    code = _app()(given, standalone_mode=False)
    return int(code or 0)


def _app() -> typer.Typer:
    import typer

    from lateen.cli import capture, control, reload, translate, version

    app = typer.Typer(name="lateen", no_args_is_help=True, add_completion=False)

    @app.callback()
    def lateen() -> None:
        """A service proxy that runs Envoy's v3 configuration, and soon the mesh around it."""

    # One line a command.
    app.command("proxy", help="Run a proxy (lateen proxy --help).")(_never)
    app.command("capture")(capture.run)
    app.command("control")(control.run)
    app.command("reload")(reload.run)
    app.command("translate")(translate.run)
    app.command("version")(version.run)
    return app


def _never() -> None:
    """`main` runs it; here it is listed."""
