"""One of three upstreams fails in every way there is: no GET fails, and no POST is sent twice."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

import pytest

from tests.e2e.conftest import Config, bootstrap
from tests.support.client import fetch, get, post
from tests.support.mortal import Mortal
from tests.support.proxies import Proxy

Start = Callable[..., Proxy]
CLIENTS = 4
REQUESTS = 60
PREVIOUS = (
    "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
)
AVOIDS = {
    "retry_host_predicate": [{"name": "previous", "typed_config": {"@type": PREVIOUS}}],
    "host_selection_retry_max_attempts": 5,
}
# What may be made again, and what must not be: unless it cannot have been sent.
GETS = {"retry_on": "5xx", "num_retries": 4, "per_try_timeout": "1s", **AVOIDS}
POSTS = {"retry_on": "connect-failure", "num_retries": 3, **AVOIDS}
EJECTED = "cluster.be.outlier_detection.ejections_active"


def configuration(listener: int, ports: list[int], hedges: bool) -> Config:
    """A cluster of these hosts whose failing ones are ejected, with a route for each method."""
    config = bootstrap(listener, ports[0])
    static = cast("dict[str, list[Config]]", config["static_resources"])
    addresses = [{"socket_address": {"address": "127.0.0.1", "port_value": p}} for p in ports]
    endpoints = [{"endpoint": {"address": address}} for address in addresses]
    static["clusters"][0] |= {
        "connect_timeout": "0.5s",
        "load_assignment": {"cluster_name": "be", "endpoints": [{"lb_endpoints": endpoints}]},
        "outlier_detection": {
            "consecutive_5xx": 3,
            "base_ejection_time": "60s",
            "max_ejection_percent": 34,
        },
    }
    is_post = {"name": ":method", "string_match": {"exact": "POST"}}
    posts = {"cluster": "be", "timeout": "2s", "retry_policy": POSTS}
    gets = {
        "cluster": "be",
        "timeout": "15s",
        "retry_policy": GETS,
        "hedge_policy": {"hedge_on_per_try_timeout": hedges},
    }
    chains = cast("list[Config]", static["listeners"][0]["filter_chains"])
    manager = cast("dict[str, Config]", cast("list[Config]", chains[0]["filters"])[0])
    host = cast("list[Config]", manager["typed_config"]["route_config"]["virtual_hosts"])[0]
    host["routes"] = [
        {"match": {"prefix": "/", "headers": [is_post]}, "route": posts},
        {"match": {"prefix": "/"}, "route": gets},
    ]
    return config


@contextmanager
def flapping(host: Mortal) -> Iterator[None]:
    """Has the host die and come back every second."""
    ended = threading.Event()

    def flap() -> None:
        while not ended.wait(0.5):
            host.kill()
            ended.wait(0.5)
            host.start()

    thread = threading.Thread(target=flap)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def ask(port: int, client: int, pause_s: float) -> Counter[str]:
    """Sends requests of both kinds, each with a path of its own: how they were answered."""
    answers: Counter[str] = Counter()
    for number in range(REQUESTS):
        path = f"/{client}-{number}"
        sends = number % 4 == 3
        data = post(path, b"xy") if sends else get(path)
        response = fetch(port, data, "POST" if sends else "GET", timeout=20.0)
        right = response.status == 200 and response.body.data.decode() == path
        kind = "POST" if sends else "GET"
        answers[f"{kind} {'right' if right else response.status}"] += 1
        time.sleep(pause_s)
    return answers


def load(port: int, pause_s: float = 0.01) -> Counter[str]:
    """Several clients at once."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        asking = [pool.submit(ask, port, client, pause_s) for client in range(CLIENTS)]
        return sum((answers.result() for answers in asking), Counter())


class Scene:
    """A proxy before two good hosts and one that is to fail."""

    def __init__(
        self, start: Start, lease: Callable[[], int], stack: ExitStack, directory: Path,
        *, delay_s: float = 0.0, hedges: bool = False,
    ) -> None:  # fmt: skip
        def host(name: str, delay_s: float = 0.0) -> Mortal:
            return stack.enter_context(Mortal(directory / name, delay_s))

        self.bad = host("bad", delay_s)
        self.hosts = [host("one"), self.bad, host("two")]
        self.port = lease()
        ports = [host.port for host in self.hosts]
        self.proxy = start(configuration(self.port, ports, hedges))

    def check(self, answers: Counter[str]) -> None:
        """Every GET was answered, and every POST sent once at most."""
        gets = CLIENTS * REQUESTS * 3 // 4
        assert answers["GET right"] == gets, answers
        seen: Counter[str] = sum((host.seen("POST") for host in self.hosts), Counter())
        assert not [path for path, times in seen.items() if times > 1]
        assert len(seen) >= answers["POST right"] > 0

    def check_ejected(self) -> None:
        """The bad host is out, and sees nothing of what follows."""
        assert self.proxy.stats()[EJECTED] == 1
        before = self.bad.seen("GET")
        for number in range(9):
            assert fetch(self.port, get(f"/after-{number}")).status == 200
        assert self.bad.seen("GET") == before


MakeScene = Callable[..., Scene]


@pytest.fixture
def scene(start: Start, lease: Callable[[], int], stack: ExitStack, tmp_path: Path) -> MakeScene:
    """Makes the scene of one test."""
    return lambda **given: Scene(start, lease, stack, tmp_path, **given)


def test_killed(scene: MakeScene) -> None:
    set_up = scene()
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(load, set_up.port)
        time.sleep(0.3)
        set_up.bad.kill()
        set_up.check(answers.result())
    set_up.check_ejected()


def test_flapping(scene: MakeScene) -> None:
    set_up = scene()
    with flapping(set_up.bad):
        answers = load(set_up.port, pause_s=0.05)
    set_up.check(answers)


HEDGES = pytest.mark.parametrize("hedges", [False, True], ids=["retried", "hedged"])


def check_silent(set_up: Scene) -> None:
    """The bad host falls silent, and its sockets take what comes: that counts as sent."""
    set_up.bad.stop()
    answers = load(set_up.port)
    set_up.check_ejected()
    set_up.bad.wake()
    time.sleep(0.3)
    set_up.check(answers)


@HEDGES
def test_black_holed(scene: MakeScene, hedges: bool) -> None:
    set_up = scene(hedges=hedges)
    assert not set_up.bad.seen("GET"), "no connection of the pool goes there yet"
    check_silent(set_up)


@HEDGES
def test_half_open(scene: MakeScene, hedges: bool) -> None:
    set_up = scene(hedges=hedges)
    for number in range(9):
        assert fetch(set_up.port, get(f"/before-{number}")).status == 200
    assert set_up.bad.seen("GET"), "its connection is in the pool"
    check_silent(set_up)


@HEDGES
def test_slow(scene: MakeScene, hedges: bool) -> None:
    set_up = scene(delay_s=4.0, hedges=hedges)
    set_up.check(load(set_up.port))
    set_up.check_ejected()
