"""Lateen does in every case what the real Envoy does, but for the differences that are meant."""

from __future__ import annotations

import pytest

from tests.interop.conftest import Observer, Tally
from tests.interop.model import Case
from tests.interop.observation import difference
from tests.interop.suite import load_topics

ALL = [(topic, case) for topic, cases in load_topics().items() for case in cases]


@pytest.mark.oracle
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("topic", "case"), ALL, ids=[f"{t}-{c.name}" for t, c in ALL])
def test_same_as_envoy(topic: str, case: Case, observer: Observer, tally: Tally) -> None:
    envoy, lateen = observer.among(topic, case)
    if case.differs is None and difference(envoy, lateen):
        # A busy machine moves what happens at the same time in the two proxies, in either.
        tally.again.append(case.name)
        envoy, lateen = observer.alone(case)
    assert not envoy.failure, f"Envoy itself did not run this case: {envoy.failure}"
    diff = difference(envoy, lateen)
    if case.differs is None:
        tally.differ += bool(diff)
        tally.agree += not diff
        assert not diff, f"{case.name}\n{diff}"
        return
    as_meant = bool(diff) and tuple(lateen.statuses) == case.differs.lateen_statuses
    tally.meant += as_meant
    tally.differ += not as_meant
    assert diff, "the proxies agree: take the difference out of the case and of the docs"
    assert as_meant, lateen.render()


def test_enough_cases() -> None:
    assert len(ALL) >= 150
