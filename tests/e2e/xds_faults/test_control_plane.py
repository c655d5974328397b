"""A control plane that is away, slow, empty or mad, under load: the traffic does not notice.

LATEEN_XDS_AWAY_SECONDS=300 keeps it away for longer.
"""

from __future__ import annotations

import os
import random
import time
from itertools import pairwise

import pytest

from tests.support.xds_resources import CDS, EDS, LDS, RDS, assignment, message

AWAY_SECONDS = float(os.environ.get("LATEEN_XDS_AWAY_SECONDS", "1.5"))
HUGE = 100 * 1000 * 1000
# What the proxy has asked for: over delta it does not look at others.
NAMES = {CDS: "a", EDS: "a", LDS: "l", RDS: "r"}


@pytest.mark.timeout(120 + AWAY_SECONDS)
def test_away_and_back(scene):
    scene.server.stop()
    time.sleep(AWAY_SECONDS)
    scene.lead_to("two")
    scene.server.start()
    scene.follows("two")
    assert scene.end().by["two"] > scene.quiet.by.get("two", 0)


def test_back_without_knowing_anything(scene):
    scene.server.restart(empty=True)
    time.sleep(AWAY_SECONDS)
    scene.follows("one")
    scene.fill()
    scene.lead_to("two")
    scene.follows("two")
    assert scene.end().by["two"] > scene.quiet.by.get("two", 0)


def test_slow(scene):
    scene.server.stop()
    scene.server.delay = 0.7
    scene.lead_to("two")
    scene.server.start()
    scene.follows("two")
    assert scene.end().by["two"] > scene.quiet.by.get("two", 0)


def garbage(chooser):
    """Bytes that are no answer, and answers that are cut off or have bytes changed."""
    yield b""
    yield b"\xff" * 1000
    for _ in range(5):
        yield chooser.randbytes(chooser.randrange(1, 3000))
    good = assignment("a", 1).SerializeToString()
    for _ in range(5):
        broken = bytearray(good)
        broken[chooser.randrange(len(broken))] = chooser.randrange(256)
        yield bytes(broken[: chooser.randrange(1, len(broken))])


def test_garbage(scene):
    for data in garbage(random.Random(1)):
        scene.server.send_bytes(data)
        time.sleep(0.05)
    scene.follows("one")
    scene.lead_to("two")
    scene.follows("two")
    assert scene.proxy.stats()["control_plane.connected_state"] == 1
    scene.end()


def test_resources_of_garbage(scene):
    chooser = random.Random(2)
    for url in NAMES:
        for _ in range(4):
            scene.server.send(url, [broken_resource(scene, url, chooser)])
    scene.server.send("type.googleapis.com/no.such.Type", [])
    for url in NAMES:
        assert url.removeprefix("type.googleapis.com/") in first_nack(scene, url).error
    scene.follows("one")
    scene.lead_to("two")
    scene.follows("two")
    scene.end()


def first_nack(scene, url):
    """The first refusal of a type."""
    return scene.server.wait(lambda seen: (seen.type_url, seen.kind) == (url, "nack"), 20)


def broken_resource(scene, url, chooser):
    """A resource whose body is no message of its type."""
    value = b"\xff" + chooser.randbytes(chooser.randrange(1, 500))
    return wrapped(scene, url, value)


def wrapped(scene, url, value):
    """The body of a resource as a response of the variant has it."""
    packed = message("type.googleapis.com/google.protobuf.Any", {})
    packed.type_url, packed.value = url, value
    if not scene.delta:
        return packed
    named = {"name": NAMES[url]}
    resource = message("type.googleapis.com/envoy.service.discovery.v3.Resource", named)
    resource.version = "x"
    resource.resource.CopyFrom(packed)
    return resource


def test_a_hundred_megabytes(scene):
    before, resident = scene.pss_mb(), scene.resident_mb()
    scene.server.send(EDS, [wrapped(scene, EDS, b"\xff" * HUGE)])
    seen = scene.server.wait(lambda seen: seen.type_url == EDS and seen.kind == "nack", 60)
    assert len(seen.error) < 1000
    scene.follows("one")
    scene.lead_to("two")
    scene.follows("two")
    assert scene.pss_mb() < before + 30
    assert scene.peak_mb() < resident + 4.5 * HUGE / 1e6
    scene.end()


def test_reconnects_are_spread_out(scene):
    """Streams that end at once are not opened again at once, nor after equal times."""
    scene.server.answers = False
    for _ in range(6):
        opened = scene.server.requests[-1].stream
        scene.server.close_streams()
        scene.server.wait(lambda seen, opened=opened: seen.stream > opened, 60)
    first = {seen.stream: seen.at for seen in reversed(scene.server.requests)}
    times = [first[stream] for stream in sorted(first)][-6:]
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert len({round(wait, 3) for wait in waits}) > 2
    assert max(waits) > 0.1
    scene.end()
