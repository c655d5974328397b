"""The entry point, and the list of commands.

`lateen proxy` and `lateen sidecar` are run before typer is imported: their processes live long, and
typer costs 6 MB.
"""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    import typer

P = ParamSpec("P")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `lateen`; returns the exit code."""
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:
        return _fault(error)


def _run(given: list[str]) -> int:
    if given[:1] == ["proxy"]:
        from lateen.cli import proxy

        return proxy.run(given[1:])
    if given[:1] == ["sidecar"]:
        from lateen.cli import sidecar

        return sidecar.run(given[1:])
    if given == ["--version"]:
        from lateen.cli import version

        version.run()
        return 0
    _app()(given)
    return 0


def _fault(error: Exception) -> int:
    """Tell of an error that no command expects; returns the exit code (EX_SOFTWARE)."""
    if os.environ.get("LATEEN_TRACEBACK"):
        traceback.print_exception(error)
    said = f"{type(error).__name__}: {error}"
    print(
        f"lateen: {said} (a fault of Lateen's own; LATEEN_TRACEBACK=1 prints where)",
        file=sys.stderr,
    )
    return os.EX_SOFTWARE


def _app() -> typer.Typer:
    import typer

    from lateen.cli import (
        analyze,
        ca,
        capture,
        control,
        explain,
        proxy_config,
        proxy_status,
        reload,
        token,
        translate,
        up,
        validate,
        version,
        wait,
    )

    app = typer.Typer(name="lateen", no_args_is_help=True, add_completion=False)

    @app.callback()
    def lateen() -> None:
        """A service proxy that runs Envoy's v3 configuration, and a control plane for Istio's."""

    # One line a command.
    app.command("proxy", help="Run a proxy (lateen proxy --help).")(_never)
    app.command("analyze")(_exits(analyze.run))
    app.add_typer(ca.app, name="ca")
    app.command("capture")(_exits(capture.run))
    app.command("control")(_exits(control.run))
    app.command("explain")(_exits(explain.run))
    app.add_typer(proxy_config.app, name="proxy-config")
    app.command("proxy-status")(_exits(proxy_status.run))
    app.command("reload")(_exits(reload.run))
    app.command("sidecar", help="Run a sidecar (lateen sidecar --help).")(_never)
    app.add_typer(token.app, name="token")
    app.command("translate")(_exits(translate.run))
    app.command("up")(_exits(up.run))
    app.command("validate")(_exits(validate.run))
    app.command("version")(version.run)
    app.command("wait")(_exits(wait.run))
    return app


def _exits(run: Callable[P, int]) -> Callable[P, None]:
    """A command whose result is the exit code."""

    @functools.wraps(run)
    def command(*args: P.args, **kwargs: P.kwargs) -> None:
        sys.exit(run(*args, **kwargs))

    return command


def _never() -> None:
    """`main` runs it; here it is listed."""
