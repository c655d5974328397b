"""Everything changes all the time under load: no request fails, and memory stays.

LATEEN_XDS_PUSH_SECONDS=60 is the long form.
"""

from __future__ import annotations

import os
import time

import pytest

from tests.support.xds_resources import CDS, EDS, LDS, RDS, assignment, cluster, listener, routes

SECONDS = float(os.environ.get("LATEEN_XDS_PUSH_SECONDS", "3"))
RATE = 200
# Between the first third of the pushes and their end.
GROWTH_LIMIT_MB = 12.0


def push(scene, number):
    """One push: listeners, routes, clusters and endpoints in turn."""
    turn = number // 4
    match number % 4:
        case 0:
            backlog = 1000 + turn % 3000
            scene.put(LDS, "l", listener("l", scene.port, tcp_backlog_size=backlog))
        case 1:
            scene.put(RDS, "r", routes("r", "a", request_headers_to_remove=[f"x-{turn}"]))
        case 2:
            scene.put(CDS, "a", cluster("a", connect_timeout=f"{2 + turn % 50}s"))
        case _:
            port = scene.load.one if turn % 2 else scene.load.two
            scene.put(EDS, "a", assignment("a", port))


@pytest.mark.timeout(120 + 2 * SECONDS)
def test_no_request_fails_and_memory_stays(scene, capsys):
    pushes = int(SECONDS * RATE)
    began = time.monotonic()
    after_a_third = 0.0
    for number in range(pushes):
        if number == pushes // 3:
            after_a_third = scene.pss_mb()
        push(scene, number)
        time.sleep(max(0.0, began + number / RATE - time.monotonic()))
    took = time.monotonic() - began
    pushed = scene.load.report()
    scene.lead_to("two")
    scene.follows("two")
    scene.lead_to("one")
    scene.follows("one")
    # What was replaced last is drained and freed.
    time.sleep(3)
    grown = scene.pss_mb() - after_a_third
    total = scene.end()
    with capsys.disabled():
        kind = "delta" if scene.delta else "state of the world"
        print(
            f"\n{pushes} pushes in {took:.1f} s ({kind}): {total.failed} of {total.sent} requests"
            f" failed, p99 {pushed.p99_ms} ms beside {scene.quiet.p99_ms} quiet,"
            f" memory {grown:+.1f} MB to {scene.pss_mb():.1f}"
        )
    stats = scene.proxy.stats()
    assert stats["cluster_manager.cds.update_rejected"] == 0
    assert stats["listener_manager.lds.update_rejected"] == 0
    assert stats["cluster.a.update_rejected"] == 0
    assert grown < GROWTH_LIMIT_MB
