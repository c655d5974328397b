"""Which server of a control plane is next, and when."""

import random

import pytest

from lateen.proxy.xds.rotation import Attempt, Rotation
from lateen.proxy.xds.target import Target


def rotation(*names, seed=1, **fields):
    async def never():
        raise AssertionError

    targets = [Target(name, never, **fields) for name in names]
    return Rotation(targets, random.Random(seed))


def test_after_two_failures_the_next_server_has_its_turn():
    servers = rotation("a", "b", "c")
    seen = []
    for _ in range(8):
        seen.append(servers.current.name)
        servers.failed(Attempt())
    assert seen == ["a", "a", "b", "b", "c", "c", "a", "a"]


def test_after_answers_the_first_is_tried_again():
    servers = rotation("a", "b")
    servers.failed(Attempt())
    servers.failed(Attempt())
    assert servers.current.name == "b"
    assert servers.same_server
    servers.answered()
    servers.failed(Attempt(connected=True, answered=True))
    assert servers.current.name == "a"
    assert not servers.same_server
    servers.answered()
    assert servers.same_server


def test_a_server_that_cannot_be_reached_is_tried_within_five_seconds_and_not_by_all_at_once():
    waits = []
    for seed in range(200):
        servers = rotation("a", seed=seed)
        for _ in range(30):
            wait_s = servers.failed(Attempt())
        waits.append(wait_s)
    assert max(waits) <= 4.0
    tenths = [sum(low / 10 <= wait / 4.0 < (low + 1) / 10 for wait in waits) for low in range(10)]
    assert min(tenths) >= 5


def test_a_server_that_ends_streams_is_left_alone_for_longer():
    waits = []
    for seed in range(200):
        servers = rotation("a", seed=seed)
        for _ in range(30):
            wait_s = servers.failed(Attempt(connected=True))
        waits.append(wait_s)
    assert 25.0 < max(waits) <= 30.0


@pytest.mark.parametrize("connected", [False, True])
def test_what_is_configured_counts(connected):
    servers = rotation("a", base_interval_s=20.0, max_interval_s=40.0, unreachable_s=None)
    waits = [servers.failed(Attempt(connected=connected)) for _ in range(50)]
    assert 30.0 < max(waits) <= 40.0
