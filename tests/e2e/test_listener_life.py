"""Listeners change and go without losing a connection that may stay."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.client import Client, get
from tests.support.upstream import Close, Echo, Hold, Script, Upstream, raw, reply, tcp
from tests.support.workers import Driver, Mapped, eventually, listener_of, tcp_filter

FILE_LOG = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
HCM = (
    "type.googleapis.com/envoy.extensions.filters.network"
    ".http_connection_manager.v3.HttpConnectionManager"
)
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
Start = Callable[..., Driver]
SECOND = {"source_prefix_ranges": [{"address_prefix": "127.0.0.2", "prefix_len": 32}]}


@pytest.fixture
def drive(stack: ExitStack, upstream: Callable[[Script], Upstream]) -> Start:
    """Starts workers with the clusters echo, one, two (which say their names) and web."""
    scripts = {
        "echo": tcp(Echo()),
        "one": tcp(b"one", Close()),
        "two": tcp(b"two", Close()),
        "web": Script([reply()], paths={"/hold": [raw(Hold())]}),
    }

    def start(drain_time_ms: int = 60_000, **given: object) -> Driver:
        ports = {name: upstream(script).port for name, script in scripts.items()}
        return stack.enter_context(Driver(ports, drain_time_ms, **given))

    return start


def chain(cluster: str, match: Mapped | None = None, **given: object) -> Mapped:
    """A chain to a cluster."""
    return {"filter_chain_match": match or {}, "filters": [tcp_filter(cluster, **given)]}


def web(**given: object) -> Mapped:
    """A chain that speaks HTTP."""
    route = {"match": {"prefix": "/"}, "route": {"cluster": "web"}}
    manager = {
        "@type": HCM,
        "stat_prefix": "in",
        "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [route]}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}],
        **given,
    }
    return {"filters": [{"name": "hcm", "typed_config": manager}]}


def file_log(path: Path, line: str) -> list[Mapped]:
    """An access log to a file."""
    text = {"text_format_source": {"inline_string": line}}
    config = {"@type": FILE_LOG, "path": str(path), "log_format": text}
    return [{"name": "file", "typed_config": config}]


def echoes(client: Client, data: bytes = b"ping") -> bool:
    """Whether a connection to the echo cluster works."""
    client.send(data)
    return client.reader.read_exactly(len(data), _soon()) == data


def _soon() -> float:
    return time.monotonic() + 5


def greeting(port: int, source: str = "") -> bytes:
    """What an upstream says first on a new connection."""
    bound = (source, 0) if source else None
    with Client(("127.0.0.1", port), 5.0, bound) as client:
        return client.reader.read_exactly(3, _soon())


def refuses(port: int) -> bool:
    """Whether nobody listens."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except ConnectionRefusedError:
        return True
    return False


def test_connections_of_an_unchanged_chain_stay(drive: Start, lease: Callable[[], int]) -> None:
    driver, port = drive(drain_time_ms=300), lease()
    assert (
        driver.apply(listener_of(port, chain("echo"), chain("echo", SECOND, idle_timeout="9s")))
        == []
    )
    with (
        Client(("127.0.0.1", port)) as kept,
        Client(("127.0.0.1", port), source=("127.0.0.2", 0)) as changed,
    ):
        assert echoes(kept)
        assert echoes(changed)
        assert driver.apply(listener_of(port, chain("two", SECOND), chain("echo"))) == []
        assert driver.draining() == (0, 1)
        assert echoes(changed), "it has the drain time"
        assert greeting(port, "127.0.0.2") == b"two"
        assert changed.state_after(5) in ("closed", "reset")
        eventually(lambda: driver.draining() == (0, 0))
        assert echoes(kept)


def test_a_removed_chain_without_connections_is_gone(
    drive: Start, lease: Callable[[], int]
) -> None:
    driver, port = drive(), lease()
    assert driver.apply(listener_of(port, chain("one"), chain("two", SECOND))) == []
    assert greeting(port, "127.0.0.2") == b"two"
    assert driver.apply(listener_of(port, chain("one"))) == []
    assert greeting(port, "127.0.0.2") == b"one"
    eventually(lambda: driver.draining() == (0, 0))


def test_any_other_change_drains_all(drive: Start, lease: Callable[[], int]) -> None:
    driver, port = drive(drain_time_ms=300), lease()
    driver.apply(listener_of(port, chain("echo")))
    with Client(("127.0.0.1", port)) as old:
        assert echoes(old)
        assert driver.apply(listener_of(port, chain("echo"), traffic_direction="INBOUND")) == []
        assert driver.draining() == (1, 0)
        assert echoes(old)
        with Client(("127.0.0.1", port)) as new:
            assert echoes(new)
            assert old.state_after(5) in ("closed", "reset")
            eventually(lambda: driver.draining() == (0, 0))
            assert echoes(new)


@pytest.mark.parametrize("concurrency", [1, 2])
def test_no_connection_is_lost_while_a_listener_changes(
    drive: Start, lease: Callable[[], int], concurrency: int
) -> None:
    driver, port = drive(concurrency=concurrency), lease()
    driver.apply(listener_of(port, chain("one")))
    seen: list[bytes] = []
    stop = threading.Event()

    def connect() -> None:
        while not stop.is_set():
            try:
                seen.append(greeting(port))
            except Exception as error:
                seen.append(repr(error).encode())

    threads = [threading.Thread(target=connect) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(60):
        name = ("one", "two")[turn % 2]
        backlog = 100 + turn // 3 % 2
        assert driver.apply(listener_of(port, chain(name), tcp_backlog_size=backlog)) == []
        eventually(lambda turn=turn: len(seen) > turn)
    stop.set()
    for thread in threads:
        thread.join()
    assert set(seen) <= {b"one", b"two"}


def test_another_address(drive: Start, lease: Callable[[], int]) -> None:
    driver, old_port, new_port = drive(drain_time_ms=300), lease(), lease()
    driver.apply(listener_of(old_port, chain("echo")))
    with Client(("127.0.0.1", old_port)) as old:
        assert echoes(old)
        assert driver.apply(listener_of(new_port, chain("echo"))) == []
        with Client(("127.0.0.1", new_port)) as new:
            assert echoes(new)
        eventually(lambda: refuses(old_port))
        assert old.state_after(5) in ("closed", "reset")


def test_one_address_of_several_goes(drive: Start, lease: Callable[[], int]) -> None:
    driver, first, second = drive(), lease(), lease()
    more = {"socket_address": {"address": "127.0.0.1", "port_value": second}}
    driver.apply(listener_of(first, chain("one"), additional_addresses=[{"address": more}]))
    assert (greeting(first), greeting(second)) == (b"one", b"one")
    assert driver.apply(listener_of(second, chain("two"))) == []
    assert greeting(second) == b"two"
    eventually(lambda: refuses(first))
    assert driver.apply(listener_of(first, chain("one"), name="other")) == []
    assert greeting(first) == b"one"


def test_a_removed_listener_drains(drive: Start, lease: Callable[[], int]) -> None:
    driver, port = drive(drain_time_ms=400), lease()
    driver.apply(listener_of(port, chain("echo")))
    with Client(("127.0.0.1", port)) as client:
        assert echoes(client)
        assert driver.apply(removed=["l"]) == []
        eventually(lambda: refuses(port))
        assert driver.draining() == (1, 0)
        assert echoes(client)
        assert client.state_after(5) in ("closed", "reset")
    eventually(lambda: driver.draining() == (0, 0))
    assert driver.apply(listener_of(port, chain("one"))) == []
    assert greeting(port) == b"one"


def test_a_listener_takes_over_the_sockets_of_a_removed_one(
    drive: Start, lease: Callable[[], int]
) -> None:
    driver, port = drive(), lease()
    driver.apply(listener_of(port, chain("echo")))
    with Client(("127.0.0.1", port)) as client:
        assert echoes(client)
        assert driver.apply(listener_of(port, chain("two"), name="next"), removed=["l"]) == []
        assert greeting(port) == b"two"
        assert echoes(client)
    assert [status.name for status in driver.workers.listeners()] == ["next"]


def test_an_update_that_cannot_be_bound_changes_nothing(
    drive: Start, lease: Callable[[], int]
) -> None:
    driver, port = drive(), lease()
    driver.apply(listener_of(port, chain("one")))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        other = taken.getsockname()[1]
        (rejection,) = driver.apply(listener_of(other, chain("two")))
    assert (rejection.kind, rejection.name) == ("listener", "l")
    assert rejection.reason == f"cannot bind '127.0.0.1:{other}': Address already in use"
    assert greeting(port) == b"one"
    (rejection,) = driver.apply(listener_of(port, chain("two"), enable_reuse_port=False))
    assert "reuse port cannot be changed" in rejection.reason
    assert greeting(port) == b"one"
    assert driver.draining() == (0, 0)


def test_http_connections_of_a_changed_chain_close_with_their_next_answer_at_once(
    drive: Start, lease: Callable[[], int]
) -> None:
    driver, port = drive(gradual_drain=False), lease()
    driver.apply(listener_of(port, web()))
    with Client(("127.0.0.1", port)) as client:
        assert client.request(get()).get("connection") is None
        assert driver.apply(listener_of(port, web(server_name="other"))) == []
        answer = client.request(get())
        assert (answer.status, answer.get("connection")) == (200, "close")
        assert answer.get("server") == "envoy"
        assert client.state_after(5) == "closed"
    with Client(("127.0.0.1", port)) as client:
        assert client.request(get()).get("server") == "other"
    eventually(lambda: driver.draining() == (0, 0))


def test_http_connections_of_a_changed_chain_close_over_the_drain_time(
    drive: Start, lease: Callable[[], int]
) -> None:
    driver, port = drive(drain_time_ms=10_000), lease()
    driver.apply(listener_of(port, web()))
    with Client(("127.0.0.1", port)) as client:
        assert client.request(get()).status == 200
        assert driver.apply(listener_of(port, web(server_name="other"))) == []
        answers = [client.request(get())]
        while answers[-1].get("connection") is None:
            answers.append(client.request(get()))
    assert answers[0].get("connection") is None
    assert {(answer.status, answer.get("server")) for answer in answers} == {(200, "envoy")}
    assert answers[-1].get("connection") == "close"


def test_idle_http_connections_of_a_changed_chain_have_the_drain_time(
    drive: Start, lease: Callable[[], int]
) -> None:
    driver, port = drive(drain_time_ms=400), lease()
    driver.apply(listener_of(port, web(drain_timeout="0.01s")))
    with Client(("127.0.0.1", port)) as client:
        assert client.request(get()).status == 200
        assert driver.apply(listener_of(port, web(drain_timeout="0.02s"))) == []
        assert client.state_after(0.1) == "open"
        assert client.state_after(5) in ("closed", "reset")


def test_a_request_that_outlasts_the_drain_time_is_logged(
    drive: Start, lease: Callable[[], int], tmp_path: Path
) -> None:
    driver, port, path = drive(drain_time_ms=200), lease(), tmp_path / "log"
    line = "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n"
    driver.apply(listener_of(port, web(access_log=file_log(path, line))))
    with Client(("127.0.0.1", port)) as client:
        client.send(get("/hold"))
        time.sleep(0.1)
        assert driver.apply(removed=["l"]) == []
        assert client.state_after(5) in ("closed", "reset")
    eventually(lambda: path.exists() and path.read_text() != "")
    assert path.read_text() == "/hold 0 DC downstream_local_disconnect\n"
    eventually(lambda: driver.draining() == (0, 0))


def test_what_ends_with_the_workers_is_logged(
    drive: Start, lease: Callable[[], int], tmp_path: Path
) -> None:
    driver, port, path = drive(), lease(), tmp_path / "log"
    log = file_log(path, "%ACCESS_LOG_TYPE% %BYTES_RECEIVED%\n")
    driver.apply(listener_of(port, chain("echo", access_log=log)))
    with Client(("127.0.0.1", port)) as client:
        assert echoes(client)
        driver.workers.core.shutdown()
    assert path.read_text() == "TcpConnectionEnd 4\n"


def test_who_has_stopped_listening_binds_nothing_more(
    drive: Start, lease: Callable[[], int]
) -> None:
    driver, old_port, new_port = drive(), lease(), lease()
    driver.apply(listener_of(old_port, chain("echo")))
    with Client(("127.0.0.1", old_port)) as client:
        assert echoes(client)
        driver.workers.core.stop_listeners()
        assert driver.apply(listener_of(new_port, chain("two"), name="next")) == []
        assert driver.apply(listener_of(old_port, chain("echo"), tcp_backlog_size=9)) == []
        eventually(lambda: refuses(old_port))
        assert refuses(new_port)
        assert echoes(client)
