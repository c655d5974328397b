"""Lateen does in every case what the real Envoy does, but for the differences that are meant."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.interop.conftest import Pair
from tests.interop.model import Case
from tests.interop.observation import difference
from tests.interop.suite import load_topics

ALL = [(topic, case) for topic, cases in load_topics().items() for case in cases]


@pytest.mark.oracle
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("topic", "case"), ALL, ids=[f"{t}-{c.name}" for t, c in ALL])
def test_same_as_envoy(
    topic: str, case: Case, observe: Callable[[str, Case], Pair], tally: dict[str, int]
) -> None:
    envoy, lateen = observe(topic, case)
    assert not envoy.failure, f"Envoy itself did not run this case: {envoy.failure}"
    diff = difference(envoy, lateen)
    if case.differs is None:
        tally["differ" if diff else "agree"] += 1
        assert not diff, f"{case.name}\n{diff}"
        return
    as_meant = diff and tuple(lateen.statuses) == case.differs.lateen_statuses
    tally["meant" if as_meant else "differ"] += 1
    assert diff, "the proxies agree: take the difference out of the case and of the docs"
    assert as_meant, lateen.render()


def test_enough_cases() -> None:
    assert len(ALL) >= 150
