"""Finds the cases, groups them by topic and runs each group on both proxies at once."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from tests.interop import cases as case_modules
from tests.interop.config import Mapped
from tests.interop.model import Case
from tests.interop.observation import Observation
from tests.interop.runner import Start, run_cases
from tests.support.proxies import Proxy


def load_topics() -> dict[str, tuple[Case, ...]]:
    """Every topic's cases by module name; names of cases are unique."""
    topics: dict[str, tuple[Case, ...]] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(case_modules.__path__)):
        loaded = importlib.import_module(f"{case_modules.__name__}.{module}")
        topics[module] = cast("tuple[Case, ...]", loaded.CASES)
    names = [case.name for group in topics.values() for case in group]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"case names used twice: {sorted(repeated)}")
    return topics


def starter(command: Sequence[str]) -> Start:
    """Starts one kind of proxy with a configuration."""

    def start(config: Mapped, arguments: Sequence[str]) -> Proxy:
        return Proxy(command, config, arguments)

    return start


def run_on(cases: Iterable[Case], start: Start) -> dict[str, Observation]:
    """Run one topic's cases on one proxy: those that can share a process, then the others."""
    chosen = list(cases)
    shared = [case for case in chosen if not case.isolated]
    seen = run_cases(shared, start) if shared else {}
    for case in chosen:
        if case.isolated:
            seen.update(run_cases([case], start))
    return seen


def run_on_both(
    cases: Sequence[Case], envoy: Start, lateen: Start
) -> dict[str, tuple[Observation, Observation]]:
    """Run one topic's cases on both proxies at the same time."""
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run_on, cases, envoy)
        second = pool.submit(run_on, cases, lateen)
        on_envoy, on_lateen = first.result(), second.result()
    return {case.name: (on_envoy[case.name], on_lateen[case.name]) for case in cases}
