import asyncio
import time

import pytest

from lateen.control.follow import Debounce, Follower
from lateen.control.mesh import Mesh
from lateen.control.mesh_config import MeshConfig
from lateen.control.push.plane import Plane
from lateen.control.registry.changes import changed_keys, digest, with_changes
from lateen.control.registry.files import Reading
from lateen.control.resources.meta import Key
from tests.support.manifests import resources
from tests.support.mesh import DOMAIN

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: default}
spec: {ports: [{name: http, port: 80}]}
---
"""
SLICE = """\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: a-1, namespace: default, labels: {kubernetes.io/service-name: a}}
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [ADDRESS]}]
---
"""
ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a, namespace: default}
spec: {hosts: [a], http: [{timeout: 5s, route: [{destination: {host: a}}]}]}
"""
HOST = "a.default.svc.cluster.local"


def reading(text):
    return Reading({one.key: one for one in resources(text)})


START = reading(SERVICE + SLICE.replace("ADDRESS", "10.0.0.1"))


class Followed:
    """A plane that follows readings, and when each generation came."""

    def __init__(self, debounce):
        mesh = Mesh(MeshConfig(), DOMAIN, tuple(START.resources.values()))
        self.plane = Plane(mesh, digest(START.resources))
        self.told = []
        self.follower = Follower(self.plane, START, self.told.append, debounce)

    async def run(self, *steps):
        """Readings, and pauses in seconds between them."""

        async def given():
            for step in steps:
                if isinstance(step, float):
                    await asyncio.sleep(step)
                else:
                    yield step

        await asyncio.wait_for(self.follower.follow(given()), 20)
        self.plane.close()
        return self


def follow(*steps, quiet=0.05, longest=10.0):
    async def work():
        return await Followed(Debounce(quiet, longest)).run(*steps)

    return asyncio.run(work())


def addresses(followed):
    return [one.address for one in followed.plane.mesh.endpoints[HOST]]


def test_what_ends_the_readings_ends_whoever_follows():
    async def broken():
        yield START
        raise OSError("the disk is gone")

    async def work():
        followed = Followed(Debounce())
        with pytest.raises(OSError, match="the disk is gone"):
            await asyncio.wait_for(followed.follower.follow(broken()), 20)
        followed.plane.close()

    asyncio.run(work())


def test_endpoints_come_into_force_at_once():
    moved = reading(SERVICE + SLICE.replace("ADDRESS", "10.0.0.2"))
    began = time.monotonic()
    followed = follow(moved, quiet=30.0)
    assert time.monotonic() - began < 15
    assert (addresses(followed), followed.plane.generation.number) == (["10.0.0.2"], 2)
    assert followed.told == []
    assert followed.plane.metrics.updates.values == {"eds": 1}


def test_the_rest_comes_once_it_is_quiet_and_all_at_once():
    slice_ = SLICE.replace("ADDRESS", "10.0.0.1")
    first = reading(SERVICE + slice_ + ROUTE)
    second = reading(SERVICE + slice_ + ROUTE.replace("5s", "6s"))
    followed = follow(first, 0.01, second)
    assert [one is second for one in followed.told] == [True]
    assert followed.plane.generation.number == 2


def test_what_never_gets_quiet_comes_after_the_longest_time():
    slice_ = SLICE.replace("ADDRESS", "10.0.0.1")
    steps = []
    for number in range(1, 30):
        steps += [reading(SERVICE + slice_ + ROUTE.replace("5s", f"{number}s")), 0.02]
    followed = follow(*steps, quiet=5.0, longest=0.2)
    assert len(followed.told) >= 2
    assert followed.told[-1] is steps[-2]


def test_endpoints_that_decide_more_are_followed_by_everything():
    headless = SERVICE.replace("spec: {", "spec: {clusterIP: None, ")
    followed = follow(reading(headless + SLICE.replace("ADDRESS", "10.0.0.1")))
    assert len(followed.told) == 1
    moved = reading(headless + SLICE.replace("ADDRESS", "10.0.0.2"))
    assert followed.plane.generation.number == 2
    later = follow(reading(headless + SLICE.replace("ADDRESS", "10.0.0.1")), 0.3, moved)
    assert (later.plane.generation.number, len(later.told)) == (4, 2)


def test_the_digest_is_of_the_resources_in_whatever_order():
    ordered = dict(START.resources)
    backwards = dict(reversed(ordered.items()))
    assert digest(ordered) == digest(backwards)
    moved = reading(SERVICE + SLICE.replace("ADDRESS", "10.0.0.2")).resources
    assert digest(ordered) != digest(moved)
    key = Key("EndpointSlice", "default", "a-1")
    assert changed_keys(ordered, moved) == {key}
    assert with_changes(ordered, moved, [key])[key] is moved[key]
    assert key not in with_changes(ordered, {}, [key])
