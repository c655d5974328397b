"""A new process takes over from a running one: nothing is lost, and every mistake is one line."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.conftest import Config, bootstrap
from tests.support.client import Client, fetch, get
from tests.support.load import Load
from tests.support.proxies import DidNotStart, Proxy
from tests.support.upstream import Script, Upstream, reply
from tests.support.workers import eventually

MakeUpstream = Callable[[Script], Upstream]
Lease = Callable[[], int]
NUMBERS = itertools.count()
SHORT = ("--drain-time-s", "1", "--parent-shutdown-time-s", "60")


class Epochs:
    """Processes of one base id."""

    def __init__(self, command: list[str], stack: ExitStack) -> None:
        self._command = command
        self._stack = stack
        self.base_id = os.getpid() * 100 + next(NUMBERS)

    def start(
        self, epoch: int, config: Config, *flags: str, concurrency: int = 1, wait: bool = True
    ) -> Proxy:
        """Starts the process of an epoch; waits until it has taken over."""
        config = {"stats_flush_interval": "0.1s", **config}
        own = ("--base-id", str(self.base_id), "--restart-epoch", str(epoch))
        proxy = self._stack.enter_context(
            Proxy(
                self._command,
                config,
                (*own, *flags),
                concurrency=concurrency,
                wait=False,
                hot_restart=True,
            )
        )
        if wait:
            eventually(lambda: is_live(proxy), 30)
        return proxy

    def refuse(self, epoch: int, config: Config, *flags: str) -> str:
        """Starts a process that cannot; what it says."""
        proxy = self.start(epoch, config, *flags, wait=False)
        assert proxy.wait_exit() == 1
        assert "Traceback" not in proxy.stderr
        return proxy.stderr


def is_live(proxy: Proxy) -> bool:
    """Whether a process is live and has taken over."""
    if proxy.process.poll() is not None:
        raise DidNotStart(proxy.stderr)
    with contextlib.suppress(OSError, ValueError):
        info = json.loads(proxy.admin("/server_info").body)
        return info["state"] == "LIVE" and not info["hot_restart_initializing"]
    return False


@pytest.fixture
def epochs(command: list[str], stack: ExitStack) -> Epochs:
    return Epochs(command, stack)


@pytest.fixture
def site(upstream: MakeUpstream, lease: Lease) -> tuple[Config, int]:
    """A configuration with an admin address that stays, and the listener's port."""
    port, admin = lease(), lease()
    address = {"socket_address": {"address": "127.0.0.1", "port_value": admin}}
    config = bootstrap(port, upstream(Script([reply()])).port)
    return {**config, "admin": {"address": address}}, port


def test_twenty_restarts_under_load(epochs: Epochs, site: tuple[Config, int]) -> None:
    config, port = site
    proxies = [epochs.start(0, config, *SHORT, concurrency=2)]
    with Load(port) as load:
        for epoch in range(1, 21):
            before = load.total
            # More workers and fewer: no socket of the parent may be lost.
            proxies.append(epochs.start(epoch, config, *SHORT, concurrency=1 + epoch % 3))
            eventually(lambda before=before: load.total > before, 30)
    assert load.failures == {}
    last = proxies[-1]
    for proxy in proxies[:-1]:
        assert proxy.wait_exit(30) == 0
    last.wait_stat("server.parent_connections", 0)
    last.wait_stat("http.in.downstream_rq_2xx", load.answered)
    stats = last.stats()
    assert stats["http.in.downstream_rq_total"] == load.answered
    assert stats["cluster.be.upstream_rq_total"] == load.answered
    assert (
        stats[f"listener.127.0.0.1_{port}.downstream_cx_total"]
        == stats["http.in.downstream_cx_total"]
    )
    assert stats["server.hot_restart_epoch"] == 20
    assert stats["server.hot_restart_generation"] == 21
    assert stats["http.in.downstream_cx_active"] == 0


@pytest.mark.parametrize("strategy", ["gradual", "immediate"])
def test_stats_and_admin_go_over(strategy: str, epochs: Epochs, site: tuple[Config, int]) -> None:
    config, port = site
    flags = ("--drain-time-s", "600", "--parent-shutdown-time-s", "600")
    old = epochs.start(0, config, *flags)
    assert old.admin("/hot_restart_version").text == "lateen.1"
    with Client(("127.0.0.1", port)) as client:
        assert client.request(get()).status == 200
        new = epochs.start(1, config, *flags, "--drain-strategy", strategy)
        assert old.admin_address == new.admin_address
        assert fetch(port, get()).status == 200
        new.wait_stat("server.parent_connections", 1)
        stats = new.stats()
        assert stats["http.in.downstream_rq_2xx"] == 2
        assert stats["http.in.downstream_cx_active"] == 1
        assert stats["server.total_connections"] == 1
        assert stats["server.hot_restart_epoch"] == 1
        assert stats["cluster.be.membership_total"] == 1
        info = json.loads(new.admin("/server_info").body)
        assert info["command_line_options"]["restart_epoch"] == 1
        assert info["hot_restart_version"] == "lateen.1"
        if strategy == "immediate":
            assert client.request(get()).get("connection") == "close"
    assert old.wait_exit() == 0
    new.wait_stat("server.parent_connections", 0)
    eventually(lambda: new.stats()["http.in.downstream_cx_active"] == 0)
    assert new.stats()["http.in.downstream_rq_2xx"] >= 2
    assert new.admin("/reset_counters", "POST").status == 200
    assert new.stats()["http.in.downstream_rq_2xx"] == 0


def test_the_parent_ends_at_its_time(epochs: Epochs, site: tuple[Config, int]) -> None:
    config, port = site
    flags = ("--drain-time-s", "600", "--parent-shutdown-time-s", "1")
    old = epochs.start(0, config, *flags)
    with Client(("127.0.0.1", port)) as client:
        assert client.request(get()).status == 200
        new = epochs.start(1, config, *flags, "--skip-hot-restart-parent-stats")
        assert old.wait_exit() == 0
        assert client.state_after(5) in ("closed", "reset")
    assert "shutting down due to child request" in old.stderr
    assert new.stats()["http.in.downstream_rq_2xx"] == 0
    assert fetch(port, get()).status == 200


def test_sockets_of_every_kind(
    epochs: Epochs, site: tuple[Config, int], lease: Lease, tmp_path: Path
) -> None:
    config, port = site
    shared, added = lease(), lease()
    pipe = str(tmp_path / "pipe")
    resources = config["static_resources"]
    assert isinstance(resources, dict)
    main = resources["listeners"][0]
    pipes = {**main, "name": "pipe", "address": {"pipe": {"path": pipe}}}
    one = {"socket_address": {"address": "127.0.0.1", "port_value": shared}}
    single = {**main, "name": "shared", "address": one, "enable_reuse_port": False}
    other = {"socket_address": {"address": "127.0.0.1", "port_value": added}}
    new = {**main, "name": "added", "address": other}
    targets = [("127.0.0.1", port), ("127.0.0.1", shared), pipe]

    def served(*listeners: object) -> Config:
        return {**config, "static_resources": {**resources, "listeners": list(listeners)}}

    old = epochs.start(0, served(main, pipes, single), concurrency=2)
    inode = os.stat(pipe).st_ino
    epochs.start(1, served(main, pipes, single, new), *SHORT, concurrency=3)
    assert old.wait_exit() == 0
    assert os.stat(pipe).st_ino == inode
    for target in [*targets, ("127.0.0.1", added)]:
        for _ in range(8):
            with Client(target) as client:
                assert client.request(get()).status == 200
    epochs.start(2, served(single, pipes), *SHORT)
    eventually(lambda: refuses(port))
    for target in targets[1:]:
        with Client(target) as client:
            assert client.request(get()).status == 200


def test_listeners_over_xds_take_sockets_over(
    epochs: Epochs, site: tuple[Config, int], tmp_path: Path
) -> None:
    config, port = site
    resources = config["static_resources"]
    assert isinstance(resources, dict)
    # Without a shared port only the parent's own socket can listen while the parent does.
    listener = {**resources["listeners"][0], "enable_reuse_port": False}
    kind = "type.googleapis.com/envoy.config.listener.v3.Listener"
    file = tmp_path / "lds.json"
    file.write_text(json.dumps({"resources": [{"@type": kind, **listener}]}))
    dynamic: Config = {
        **config,
        "node": {"id": "n", "cluster": "c"},
        "static_resources": {"clusters": resources["clusters"]},
        "dynamic_resources": {"lds_config": {"path_config_source": {"path": str(file)}}},
    }
    old = epochs.start(0, dynamic)
    assert fetch(port, get()).status == 200
    new = epochs.start(1, dynamic, *SHORT)
    assert old.wait_exit() == 0
    assert fetch(port, get()).status == 200
    assert new.stats()["listener_manager.lds.update_rejected"] == 0


def refuses(port: int) -> bool:
    """Whether nobody listens."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_socket_path_and_its_mode(
    epochs: Epochs, site: tuple[Config, int], tmp_path: Path
) -> None:
    config, port = site
    flags = (*SHORT, "--socket-path", str(tmp_path / "hot"), "--socket-mode", "660")
    old = epochs.start(0, config, *flags)
    (name,) = tmp_path.glob("hot_parent_*")
    assert name.stat().st_mode & 0o777 == 0o660
    new = epochs.start(1, config, *flags)
    assert old.wait_exit() == 0
    assert fetch(port, get()).status == 200
    new.signal(signal.SIGTERM)
    assert new.wait_exit() == 0
    assert list(tmp_path.glob("hot_parent_*")) == []


def test_mistakes_are_one_line_and_leave_the_running_process(
    epochs: Epochs, site: tuple[Config, int], lease: Lease, tmp_path: Path
) -> None:
    config, port = site
    assert "no process of epoch 2 to take over from" in epochs.refuse(3, config)
    old = epochs.start(0, config)
    said = epochs.refuse(0, config)
    number = f"base_id={epochs.base_id}, id=0"
    assert f"unable to bind domain socket with {number}, errno=98 (see --base-id option)" in said
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bad = bootstrap(taken.getsockname()[1], 1)
        assert "Address already in use" in epochs.refuse(1, {**config, **bad})
    assert "error: static_resources" in epochs.refuse(1, {"static_resources": {"clusters": [{}]}})
    assert fetch(port, get()).status == 200
    assert is_live(old)


def test_alone_where_that_is_allowed(epochs: Epochs, site: tuple[Config, int]) -> None:
    config, port = site
    proxy = epochs.start(4, config, "--skip-hot-restart-on-no-parent")
    assert fetch(port, get()).status == 200
    stats = proxy.stats()
    assert stats["server.hot_restart_epoch"] == 4
    assert stats["server.hot_restart_generation"] == 1


def test_a_dynamic_base_id(
    command: list[str], stack: ExitStack, site: tuple[Config, int], tmp_path: Path
) -> None:
    config, _ = site
    path = tmp_path / "base"
    flags = ("--use-dynamic-base-id", "--base-id-path", str(path))
    proxy = stack.enter_context(Proxy(command, config, flags, hot_restart=True))
    info = json.loads(proxy.admin("/server_info").body)
    assert info["command_line_options"]["base_id"] == path.read_text()


def test_a_child_that_is_killed_before_it_took_over(
    epochs: Epochs, site: tuple[Config, int]
) -> None:
    config, port = site
    old = epochs.start(0, config)
    child = epochs.start(1, config, wait=False)
    eventually(lambda: "initializing epoch 1" in child.stderr, 30)
    child.process.kill()
    child.wait_exit()
    eventually(lambda: is_live(old), 30)
    for _ in range(8):
        assert fetch(port, get()).status == 200
    new = epochs.start(1, config, *SHORT)
    assert old.wait_exit() == 0
    assert fetch(port, get()).status == 200
    assert is_live(new)


@contextlib.contextmanager
def stopped_when(proxy: Proxy, line: str) -> Iterator[None]:
    """Stops a process once it has said something; it goes on afterwards, if it still is."""
    eventually(lambda: line in proxy.stderr, 30)
    proxy.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        if proxy.process.poll() is None:
            proxy.signal(signal.SIGCONT)


def test_a_parent_that_is_killed_in_the_middle(epochs: Epochs, site: tuple[Config, int]) -> None:
    config, port = site
    old = epochs.start(0, config)
    child = epochs.start(1, config, *SHORT, wait=False)
    with stopped_when(child, "initializing epoch 1"):
        old.process.kill()
        old.wait_exit()
    eventually(lambda: is_live(child), 30)
    assert fetch(port, get()).status == 200


def test_a_parent_that_hangs(epochs: Epochs, site: tuple[Config, int]) -> None:
    config, port = site
    old = epochs.start(0, config)
    old.signal(signal.SIGSTOP)
    try:
        said = epochs.refuse(1, config)
        assert "cannot take over from epoch 0: the process does not answer within 5 s" in said
    finally:
        old.signal(signal.SIGCONT)
    assert fetch(port, get()).status == 200
    assert is_live(old)


def test_a_child_that_is_killed_after_it_took_over(
    epochs: Epochs, site: tuple[Config, int]
) -> None:
    config, port = site
    old = epochs.start(0, config)
    with Client(("127.0.0.1", port)) as client:
        assert client.request(get()).status == 200
        new = epochs.start(1, config, "--drain-time-s", "600")
        new.process.kill()
        assert client.request(get()).status == 200, "it goes on to drain"
    assert old.wait_exit() == 0
