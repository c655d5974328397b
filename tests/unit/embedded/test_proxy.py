"""lateen.Proxy: start, use and end, beside whatever else the process does."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import lateen
from lateen.filters import Request, Response, ResponseHead, http_filter
from lateen.protos import envoy_types
from lateen.testing import TestedProxy, Upstream
from tests.e2e.conftest import bootstrap
from tests.support.workers import eventually


@http_filter
def tea(request: Request) -> Response | None:
    if request.path == "/tea":
        return Response(418, "tea\n")
    request.headers["x-seen"] = "yes"
    return None


@http_filter
class Stamp:
    def on_response(self, response: ResponseHead) -> None:
        response.headers["x-stamp"] = str(response.status)


@pytest.fixture
def server() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server.answers(body="ok")


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def test_a_block_serves_and_ends(server: Upstream) -> None:
    before = threads()
    with TestedProxy(bootstrap(0, server.port)) as proxy:
        assert proxy.ports == {"main": proxy.port}
        answer = proxy.get("/a?b=1", {"x-one": "1"})
        assert (answer.status, answer.text) == (200, "ok")
        proxy.wait_for_stat("http.in.downstream_rq_2xx", 1)
        stats = proxy.stats("cluster.be.upstream_rq_2")
        assert stats == {"cluster.be.upstream_rq_200": 1, "cluster.be.upstream_rq_2xx": 1}
        port = proxy.port
    assert (server.requests[0].path, server.requests[0].headers["X-One"]) == ("/a?b=1", "1")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), 1)
    eventually(lambda: threads() <= before)


def test_start_and_stop_may_be_called_twice(server: Upstream) -> None:
    proxy = TestedProxy(bootstrap(0, server.port))
    proxy.stop()
    for _ in range(2):
        assert proxy.start().start() is proxy
        assert proxy.get("/").status == 200
        proxy.stop()
        proxy.stop()
    with pytest.raises(lateen.ProxyError, match=r"^the proxy does not run"):
        proxy.stats()


def test_twenty_in_a_row_leave_no_thread_and_no_descriptor(server: Upstream) -> None:
    with TestedProxy(bootstrap(0, server.port)):
        pass
    tasks, files = threads(), len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with lateen.Proxy(bootstrap(0, server.port)) as proxy:
            assert proxy.port
    # The kernel forgets a thread a moment after it was joined.
    eventually(lambda: threads() <= tasks)
    assert len(list(Path("/proc/self/fd").iterdir())) <= files


def test_several_at_once_have_stats_of_their_own() -> None:
    with Upstream() as one, Upstream() as two:
        one.answers(201)
        two.answers(202)
        with (
            TestedProxy(bootstrap(0, one.port)) as first,
            TestedProxy(bootstrap(0, two.port), concurrency=2) as second,
            TestedProxy(bootstrap(0, first.port)) as third,
        ):
            assert [each.get("/").status for each in (first, second, third)] == [201, 202, 201]
            first.wait_for_stat("http.in.downstream_rq_2xx", 2)
            second.wait_for_stat("http.in.downstream_rq_2xx", 1)
            assert second.stats("server.concurrency") == {"server.concurrency": 2}


def test_a_running_loop_goes_on_beside_it(server: Upstream) -> None:
    async def several() -> list[int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        ticking = asyncio.create_task(tick())
        async with TestedProxy(bootstrap(0, server.port)) as proxy:
            assert ticks > 1
            status = (await asyncio.to_thread(proxy.get, "/")).status
        # As in a cell of a notebook: the plain block, while a loop runs in this thread.
        with TestedProxy(bootstrap(0, server.port)) as proxy:
            status += (await asyncio.to_thread(proxy.get, "/")).status
            assert proxy.stats("server.live") == {"server.live": 1}
        ticking.cancel()
        return [status]

    assert asyncio.run(several()) == [400]


def test_many_begin_at_once(server: Upstream) -> None:
    async def several() -> list[int]:
        proxies = [TestedProxy(bootstrap(0, server.port), filters=[tea]) for _ in range(4)]
        started = await asyncio.gather(*(each.__aenter__() for each in proxies))
        answers = [await asyncio.to_thread(each.get, "/") for each in started]
        await asyncio.gather(*(each.__aexit__(None, None, None) for each in proxies))
        return [answer.status for answer in answers]

    assert asyncio.run(several()) == [200] * 4


def test_a_start_that_is_cancelled_leaves_nothing(server: Upstream) -> None:
    before = threads()

    async def cancelled() -> None:
        proxy = lateen.Proxy(bootstrap(0, server.port))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(proxy.__aenter__(), 0.001)
        with pytest.raises(lateen.ProxyError):
            proxy.stats()

    asyncio.run(cancelled())
    eventually(lambda: threads() <= before)


def test_signals_stay_the_programs(server: Upstream) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)]
    with lateen.Proxy(bootstrap(0, server.port)):
        during = [
            signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
        ]
    assert before == during


def test_filters_are_functions_classes_and_files(server: Upstream, tmp_path: Path) -> None:
    file = tmp_path / "more.py"
    file.write_text(
        "from lateen.filters import http_filter\n"
        "@http_filter\n"
        "def more(request):\n"
        "    request.headers['x-more'] = request.headers['x-seen']\n"
    )
    config = bootstrap(0, server.port)
    with TestedProxy(config, filters=[Stamp, tea, f"{file}:more"]) as proxy:
        answer = proxy.get("/")
        assert (answer.status, answer.headers["x-stamp"]) == (200, "200")
        assert server.requests[0].headers["x-more"] == "yes"
        assert (proxy.get("/tea").text, len(server.requests)) == ("tea\n", 1)
        proxy.wait_for_stat("http.in.python.tea.answered", 1)


def test_a_filter_that_is_none_is_an_error() -> None:
    with pytest.raises(lateen.ConfigError, match="'plain' of this process is no filter"):
        lateen.Proxy(bootstrap(0, 1), filters=[plain]).start()


def plain(request: Request) -> None:
    return None


def test_a_file_and_a_message_are_configurations_too(server: Upstream, tmp_path: Path) -> None:
    file = tmp_path / "envoy.json"
    file.write_text(json.dumps(bootstrap(0, server.port)))
    message = envoy_types().message_class("envoy.config.bootstrap.v3.Bootstrap")()
    with lateen.Proxy(file) as proxy:
        assert proxy.port
    from google.protobuf.json_format import ParseDict

    ParseDict(bootstrap(0, server.port), message, descriptor_pool=envoy_types().pool)
    with TestedProxy(message) as proxy:
        assert proxy.get("/").status == 200


def test_a_stat_that_never_comes_is_told(server: Upstream) -> None:
    with (
        lateen.Proxy(bootstrap(0, server.port)) as proxy,
        pytest.raises(TimeoutError, match=r"^cluster\.be\.x is 0, not 1, after 0\.05 s$"),
    ):
        proxy.wait_for_stat("cluster.be.x", 1, 0.05)


def test_stats_are_for_every_thread(server: Upstream) -> None:
    seen: list[int] = []
    with lateen.Proxy(bootstrap(0, server.port)) as proxy:
        asking = [
            threading.Thread(target=lambda: seen.append(len(proxy.stats()))) for _ in range(8)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(10)
    assert len(seen) == 8
    assert min(seen) > 100


def test_one_that_is_forgotten_ends_with_the_program(server: Upstream) -> None:
    program = (
        "import sys, json, lateen\n"
        "assert 'lateen.embedded' not in sys.modules\n"
        "proxy = lateen.Proxy(json.loads(sys.argv[1])).start()\n"
        "print(proxy.port > 0)\n"
    )
    command = [sys.executable, "-X", "dev", "-c", program, json.dumps(bootstrap(0, server.port))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_threads_that_end_may_be_the_first_to_start_proxies(server: Upstream) -> None:
    program = (
        "import json, sys, threading, lateen\n"
        "def each(work):\n"
        "    threads = [threading.Thread(target=one) for one in work]\n"
        "    [thread.start() for thread in threads]\n"
        "    [thread.join() for thread in threads]\n"
        "for _ in range(5):\n"
        "    proxies = [lateen.Proxy(json.loads(sys.argv[1])) for _ in range(4)]\n"
        "    each(proxy.start for proxy in proxies)\n"
        "    each(proxy.stop for proxy in proxies)\n"
        "print('all ended')\n"
    )
    command = [sys.executable, "-c", program, json.dumps(bootstrap(0, server.port))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "all ended\n", "")
