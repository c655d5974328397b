"""A control plane whose process is killed, under load: the traffic does not notice."""

from __future__ import annotations

import time

import pytest

from tests.e2e.xds_faults.scene import Scene
from tests.support.xds_process import ServerProcess

KILLS = 3


@pytest.fixture(params=["sotw", "delta"])
def scene(request, command, stack):
    delta = request.param == "delta"
    return Scene(command, delta=delta, stack=stack, server=ServerProcess())


def test_killed_and_started_again(scene):
    for number in range(KILLS):
        scene.server.kill()
        connected = "control_plane.connected_state"
        deadline = time.monotonic() + 10
        while scene.proxy.stats()[connected] != 0:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        service = "one" if number % 2 else "two"
        scene.lead_to(service)
        scene.server.start()
        scene.follows(service)
        assert scene.proxy.stats()[connected] == 1
    scene.end()


def test_killed_in_the_middle_of_pushes(scene):
    for number in range(40):
        scene.lead_to("one" if number % 2 else "two")
        if number == 20:
            scene.server.kill()
            scene.server.start()
    scene.follows("one")
    scene.lead_to("two")
    scene.follows("two")
    assert scene.proxy.stats()["control_plane.connected_state"] == 1
    scene.end()
