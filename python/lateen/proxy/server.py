"""`lateen proxy`: the order in which a proxy is put together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.proxy.cores import usable_cores
from lateen.proxy.hot_restart.report import Reporter
from lateen.proxy.hot_restart.status import RestartError
from lateen.proxy.log.levels import parse_component_levels
from lateen.proxy.log.logger import Log, LogOpenError
from lateen.proxy.log.pattern import DEFAULT_FORMAT, compile_pattern, json_formatter
from lateen.proxy.options import JSON_FORMAT, Options
from lateen.proxy.prepare import Prepared, prepare
from lateen.proxy.workers import Workers, WorkersError, start_workers

if TYPE_CHECKING:
    from lateen.config import Diagnostic
    from lateen.proxy.hot_restart.restart import HotRestart


class StartError(Exception):
    """The proxy cannot start; the message says why, in one line."""


def run_proxy(options: Options) -> int:
    """Validates, or runs a proxy to its end; returns the exit code."""
    reporter = Reporter.from_environment()
    try:
        if options.mode == "validate":
            return _validate(options, reporter)
        return _serve(options, reporter)
    except (StartError, LogOpenError, WorkersError, RestartError) as error:
        reporter.complain(f"lateen proxy: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def _validate(options: Options, reporter: Reporter) -> int:
    preparation = prepare(options)
    found = list(preparation.diagnostics)
    if preparation.prepared is not None:
        workers = start_workers_of(options, 1, pin=False)
        preparation.prepared.scripts.attach(workers.core)
        try:
            found += preparation.of_rejections(workers.check(preparation.prepared.update))
        finally:
            workers.core.shutdown()
    if not _report(found, reporter):
        return 1
    print(f"configuration '{options.config_path or '--config-yaml'}' OK")
    return 0


def _serve(options: Options, reporter: Reporter) -> int:
    preparation = prepare(options)
    prepared = preparation.prepared
    if prepared is None:
        _report(preparation.diagnostics, reporter)
        return 1
    log = open_log(options, prepared.log_format)
    for each in preparation.diagnostics:
        log.warning("config", str(each))
    restart = _begin_restart(options, log)
    if restart is not None:
        options = restart.options
    workers = None
    try:
        concurrency = options.concurrency or usable_cores()
        pin = prepared.pins_workers and concurrency <= usable_cores()
        workers = start_workers_of(options, concurrency, pin=pin)
        prepared.scripts.attach(workers.core)
        if restart is not None:
            restart.adopt_sockets(workers)
        if not _report(preparation.of_rejections(workers.apply(prepared.update)), reporter):
            return 1
        del preparation
        return _run(options, prepared, workers, log, restart, reporter)
    finally:
        if restart is not None:
            restart.release()
        if workers is not None:
            workers.core.shutdown()


def _begin_restart(options: Options, log: Log) -> HotRestart | None:
    if options.mode != "serve" or options.disable_hot_restart:
        return None
    from lateen.proxy.event_loop import load_asyncio

    load_asyncio()
    from lateen.proxy.hot_restart.restart import HotRestart

    return HotRestart.begin(options, log)


def _run(
    options: Options,
    prepared: Prepared,
    workers: Workers,
    log: Log,
    restart: HotRestart | None,
    reporter: Reporter,
) -> int:
    # Imported here: validation does without, and the order decides whether `ssl` comes along.
    from lateen.proxy.event_loop import load_asyncio

    asyncio = load_asyncio()
    from lateen.proxy.main_thread import MainThread, MainThreadError

    try:
        main = MainThread(options, prepared, workers, log, restart, reporter.live)
        asyncio.run(main.run())
    except MainThreadError as error:
        raise StartError(str(error)) from None
    return 0


def start_workers_of(options: Options, concurrency: int, *, pin: bool) -> Workers:
    """Starts the workers that the options ask for.

    Raises:
        WorkersError: a thread did not start.
    """
    return start_workers(
        concurrency,
        resolve=options.resolve,
        file_flush_interval_ms=options.file_flush_interval_msec,
        drain_time_ms=options.drain_time_s * 1000,
        gradual_drain=options.drain_strategy == "gradual",
        pin=pin,
    )


def open_log(options: Options, configured: str) -> Log:
    """The log: a format on the command line counts before that of the bootstrap.

    Raises:
        LogOpenError: its file cannot be opened.
    """
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


def _report(diagnostics: Iterable[Diagnostic], reporter: Reporter) -> bool:
    """Prints what was found, one line each; whether there is no error among it."""
    good = True
    for each in diagnostics:
        reporter.complain(str(each))
        good = good and each.severity != "error"
    return good
