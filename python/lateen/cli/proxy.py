"""`lateen proxy`: runs a proxy."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence

from lateen.cli.flags import UsageError, help_lines, parse_flags
from lateen.cli.proxy_flags import PROXY_FLAGS
from lateen.proxy.log.pattern import DEFAULT_FORMAT
from lateen.proxy.options import JSON_FORMAT, Options

_USAGE = "usage: lateen proxy -c FILE [flags]"


def run(arguments: Sequence[str]) -> int:
    """Runs the command; returns the exit code."""
    try:
        values = parse_flags(PROXY_FLAGS, arguments)
    except UsageError as error:
        print(f"lateen proxy: {error} (see lateen proxy --help)", file=sys.stderr)
        return 1
    if values.pop("help", False):
        print(_USAGE, *help_lines(PROXY_FLAGS), sep="\n")
        return 0
    if values.pop("version", False):
        from lateen.proxy.version import version_line

        print(version_line())
        return 0
    if values.pop("hot_restart_version", False):
        from lateen.proxy.hot_restart.wire import HOT_RESTART_VERSION

        print("disabled" if values.get("disable_hot_restart") else HOT_RESTART_VERSION)
        return 0
    try:
        options = _options(values)
    except UsageError as error:
        print(f"lateen proxy: {error}", file=sys.stderr)
        return 1
    from lateen.proxy.server import run_proxy

    return run_proxy(options)


def _options(values: dict[str, object]) -> Options:
    if values.pop("allow_unknown_fields", False):
        values["allow_unknown_static_fields"] = True
    if values.pop("log_json", False):
        if values.get("log_format", DEFAULT_FORMAT) not in (DEFAULT_FORMAT, JSON_FORMAT):
            raise UsageError("--log-json and --log-format exclude each other")
        values["log_format"] = JSON_FORMAT
    if values.get("disable_extensions"):
        raise UsageError("--disable-extensions is not supported: leave the extensions out")
    if (epoch := values.get("restart_epoch")) and values.get("use_dynamic_base_id"):
        raise UsageError(f"cannot use --restart-epoch={epoch} with --use-dynamic-base-id")
    if not values.get("config_path") and not values.get("config_yaml"):
        raise UsageError("a configuration is needed: --config-path or --config-yaml")
    return dataclasses.replace(Options(), **values)  # type: ignore[arg-type]
