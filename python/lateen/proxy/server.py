"""`lateen proxy`: the order in which a proxy is put together."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.proxy.cores import usable_cores
from lateen.proxy.log.levels import parse_component_levels
from lateen.proxy.log.logger import Log, LogOpenError
from lateen.proxy.log.pattern import DEFAULT_FORMAT, compile_pattern, json_formatter
from lateen.proxy.options import JSON_FORMAT, Options
from lateen.proxy.prepare import Preparation, Prepared, prepare
from lateen.proxy.workers import Workers, WorkersError, start_workers

if TYPE_CHECKING:
    from lateen.config import Diagnostic


class StartError(Exception):
    """The proxy cannot start; the message says why, in one line."""


def run_proxy(options: Options) -> int:
    """Validates, or runs a proxy to its end; returns the exit code."""
    try:
        if options.mode == "validate":
            return _validate(options)
        return _serve(options)
    except (StartError, LogOpenError, WorkersError) as error:
        print(f"lateen proxy: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _validate(options: Options) -> int:
    preparation = prepare(options)
    found = list(preparation.diagnostics)
    if preparation.prepared is not None:
        workers = _start_workers(options, 1)
        try:
            found += preparation.of_rejections(workers.check(preparation.prepared.update))
        finally:
            workers.core.shutdown()
    if not _report(found):
        return 1
    print(f"configuration '{options.config_path or '--config-yaml'}' OK")
    return 0


def _serve(options: Options) -> int:
    preparation = prepare(options)
    prepared = preparation.prepared
    if prepared is None:
        _report(preparation.diagnostics)
        return 1
    log = _open_log(options, prepared.log_format)
    for each in preparation.diagnostics:
        log.warning("config", str(each))
    concurrency = options.concurrency or usable_cores()
    workers = _start_workers(options, concurrency)
    try:
        if not _apply(workers, preparation, prepared):
            return 1
        del preparation
        return _run(options, prepared, workers, log)
    finally:
        workers.core.shutdown()


def _run(options: Options, prepared: Prepared, workers: Workers, log: Log) -> int:
    # Imported here: validation does without, and the order decides whether `ssl` comes along.
    from lateen.proxy.event_loop import load_asyncio

    asyncio = load_asyncio()
    from lateen.proxy.main_thread import MainThread, MainThreadError

    try:
        asyncio.run(MainThread(options, prepared, workers, log).run())
    except MainThreadError as error:
        raise StartError(str(error)) from None
    return 0


def _start_workers(options: Options, concurrency: int) -> Workers:
    return start_workers(
        concurrency,
        resolve=options.resolve,
        file_flush_interval_ms=options.file_flush_interval_msec,
        drain_time_ms=options.drain_time_s * 1000,
        pin=1 < concurrency <= usable_cores(),
    )


def _apply(workers: Workers, preparation: Preparation, prepared: Prepared) -> bool:
    """Hands the configuration over; False after reporting what was rejected."""
    rejections = workers.apply(prepared.update)
    return _report(preparation.of_rejections(rejections))


def _open_log(options: Options, configured: str) -> Log:
    """The log: a format on the command line counts before that of the bootstrap."""
    chosen = options.log_format
    if chosen == DEFAULT_FORMAT and configured:
        chosen = JSON_FORMAT if configured == "json" else configured.removeprefix("text:")
    return Log(
        json_formatter if chosen == JSON_FORMAT else compile_pattern(chosen),
        options.log_level,
        parse_component_levels(options.component_log_level),
        options.log_path,
        escaped=options.log_format_escaped,
    )


def _report(diagnostics: Iterable[Diagnostic]) -> bool:
    """Prints what was found, one line each; whether there is no error among it."""
    good = True
    for each in diagnostics:
        print(each, file=sys.stderr)
        good = good and each.severity != "error"
    return good
