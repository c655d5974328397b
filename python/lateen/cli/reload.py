"""`lateen reload`: replaces a running proxy by a new process of the same command line."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from lateen.cli.flags import Flag, FlagValue
from lateen.cli.proxy_flags import PROXY_FLAGS
from lateen.proxy.hot_restart.succession import SuccessionError, find_running, start_next
from lateen.proxy.options import Options

_ASK_LIMIT_S = 5.0
# Flags that the next epoch does not have, or has with another value.
_CHANGED = ("--restart-epoch", "--base-id", "--use-dynamic-base-id")


def run(
    base_id: Annotated[int, typer.Option(min=0, help="base id of the proxy")] = 0,
    socket_path: Annotated[str, typer.Option(help="its --socket-path")] = Options.socket_path,
    admin_address: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="find it by its admin address instead")
    ] = "",
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="how long the new one may take")
    ] = 120.0,
) -> int:
    """Replace a running proxy by a new one, which reads the configuration again.

    The new process has the old one's command line, directory, environment and output, takes over
    its listening sockets and lets it drain. If it does not come up, the old one goes on.
    """
    try:
        if admin_address:
            base_id, socket_path = _ask_admin(admin_address)
        running = find_running(socket_path, base_id)
        old = f"epoch {running.hello.epoch} (pid {running.hello.pid})"
        epoch = running.hello.epoch + 1
        argv = next_command(running.argv, epoch, running.base_id)
        outcome = start_next(running, argv, timeout, _say)
    except SuccessionError as error:
        _say(f"lateen reload: {error}")
        return 1
    new = f"epoch {epoch} (pid {outcome.pid})"
    if outcome.is_live:
        print(f"{new} has taken over from {old}")
        return 0
    _say(f"lateen reload: {new} did not start: {outcome.reason}; {old} goes on")
    return 1


def next_command(argv: Sequence[str], epoch: int, base_id: int) -> list[str]:
    """The command line of the process that comes after one of `argv`.

    Raises:
        SuccessionError: it is not a command line of `lateen proxy`.
    """
    if "proxy" not in argv:
        raise SuccessionError(f"the process was not started by lateen proxy, but by {argv}")
    start = list(argv).index("proxy") + 1
    given = {name: flag for flag in PROXY_FLAGS for name in flag.names}
    kept = _without_changed(argv[start:], given)
    own = ["--base-id", str(base_id), "--restart-epoch", str(epoch)]
    return [*argv[:start], *own, *kept]


def _without_changed(arguments: Sequence[str], known: dict[str, Flag[FlagValue]]) -> list[str]:
    kept: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument in ("--", "--ignore_rest"):
            return [*kept, argument, *rest]
        name, equals, _ = argument.partition("=")
        flag = known.get(name)
        takes_next = flag is not None and flag.parse is not None and not equals
        whole = [argument, *([next(rest)] if takes_next else [])]
        if name not in _CHANGED:
            kept += whole
    return kept


def _ask_admin(address: str) -> tuple[int, str]:
    """The base id and the socket path of the proxy with an admin address."""
    connection = http.client.HTTPConnection(address, timeout=_ASK_LIMIT_S)
    try:
        connection.request("GET", "/server_info")
        options = json.loads(connection.getresponse().read())["command_line_options"]
        if options["disable_hot_restart"]:
            raise SuccessionError(f"the proxy at {address} runs with --disable-hot-restart")
        return int(options["base_id"]), str(options["socket_path"])
    except (OSError, http.client.HTTPException) as error:
        raise SuccessionError(f"cannot ask the admin address {address}: {error}") from None
    except (ValueError, KeyError, TypeError):
        raise SuccessionError(f"{address} is not the admin address of a proxy") from None
    finally:
        connection.close()


def _say(line: str) -> None:
    print(line, file=sys.stderr)
