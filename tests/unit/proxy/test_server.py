"""The main thread from flags to exit, on a fake extension."""

import functools
import http.client
import os
import signal
import sys
import threading
import time
import types

import pytest

import lateen
from lateen.protos import worker_pb2
from lateen.proxy.options import Options as AllOptions
from lateen.proxy.server import run_proxy
from tests.unit.proxy.admin.conftest import CONFIG
from tests.unit.proxy.fake_core import FakeCore

# Tests of several checkouts may run at once, and a base id is one for the machine.
Options = functools.partial(AllOptions, disable_hot_restart=True)


class FakeWorkersError(Exception):
    pass


@pytest.fixture
def core(monkeypatch):
    core = FakeCore()
    module = types.ModuleType("lateen._core")
    module.Workers = lambda *_, **__: core
    module.WorkersError = FakeWorkersError
    module.version = lambda: "0"
    monkeypatch.setitem(sys.modules, "lateen._core", module)
    monkeypatch.setattr(lateen, "_core", module, raising=False)
    return core


def called(core):
    return [call[0] for call in core.calls if call[0] != "set_log_level"]


def test_validate(core, capsys):
    assert run_proxy(Options(config_yaml=CONFIG, mode="validate")) == 0
    assert capsys.readouterr().out == "configuration '--config-yaml' OK\n"
    assert called(core) == ["check", "shutdown"]


def test_every_mistake_is_one_line(core, capsys, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("static_resources:\n  clusters:\n  - {name: a, type: STATIK}\n  - {nam: b}\n")
    assert run_proxy(Options(config_path=str(path), mode="validate")) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{path}:3:")
    assert lines[1].startswith(f"{path}:4:")
    assert called(core) == []


def test_rejections_of_the_workers_have_a_place(core, capsys, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG)
    core.rejections.rejections.add(kind="cluster", name="other", path="dns", reason="no")
    assert run_proxy(Options(config_path=str(path))) == 1
    line = capsys.readouterr().err
    place = CONFIG.splitlines().index("  - name: other") + 1
    assert line.startswith(f"{path}:{place}:")
    assert line.endswith("error: static_resources.clusters[1]: cluster 'other': dns: no\n")
    assert called(core) == ["apply", "shutdown"]


def test_workers_that_do_not_start(core, capsys, monkeypatch):
    def fail(*_, **__):
        raise FakeWorkersError("no threads left")

    monkeypatch.setattr(sys.modules["lateen._core"], "Workers", fail)
    assert run_proxy(Options(config_yaml=CONFIG)) == 1
    assert capsys.readouterr().err == "lateen proxy: no threads left\n"


def test_init_only(core):
    assert run_proxy(Options(config_yaml=CONFIG, mode="init_only")) == 0
    assert called(core) == ["apply", "shutdown", "wake_log", "shutdown"]


def test_admin_address_in_use(core, capsys, tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = CONFIG.replace("port_value: 0}", f"port_value: {port}}}")
        assert run_proxy(Options(config_yaml=config)) == 1
    assert f"cannot bind the admin address '127.0.0.1:{port}'" in capsys.readouterr().err


class Serving:
    """A proxy in the main thread of the process, talked to from another thread."""

    def __init__(self, core, tmp_path, script, **options):
        self.core = core
        self.file = tmp_path / "admin"
        self.errors = []
        thread = threading.Thread(target=self._play, args=(script,))
        thread.start()
        self.code = run_proxy(
            Options(
                config_yaml=CONFIG,
                admin_address_path=str(self.file),
                log_path=str(tmp_path / "log"),
                **options,
            )
        )
        thread.join()
        assert self.errors == []

    def _play(self, script):
        try:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and ("start",) not in self.core.calls:
                time.sleep(0.01)
            script(self)
        except Exception as error:
            self.errors.append(error)
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)

    def ask(self, path, method="GET"):
        host, port = self.file.read_text().rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


def test_serve_and_quit(core, tmp_path):
    def script(serving):
        assert serving.ask("/ready") == (200, "LIVE\n")
        assert serving.ask("/healthcheck/fail", "POST") == (200, "OK\n")
        assert serving.ask("/ready") == (503, "DRAINING\n")
        assert "server.live: 0" in serving.ask("/stats")[1]
        assert serving.ask("/healthcheck/ok", "POST") == (200, "OK\n")
        assert serving.ask("/quitquitquit", "POST") == (200, "OK\n")

    assert Serving(core, tmp_path, script).code == 0
    assert called(core) == [
        "apply", "start", "fail_health_check", "fail_health_check",
        "stop_listeners", "drain", "shutdown", "wake_log", "shutdown",
    ]  # fmt: skip


def test_a_drain_waits_for_connections(core, tmp_path):
    core.connections = 1

    def script(serving):
        os.kill(os.getpid(), signal.SIGTERM)
        while ("drain",) not in core.calls:
            time.sleep(0.01)
        assert serving.ask("/ready") == (503, "DRAINING\n")
        assert ("shutdown",) not in core.calls
        core.connections = 0

    assert Serving(core, tmp_path, script).code == 0


def test_a_second_signal_ends_at_once(core, tmp_path):
    core.connections = 1

    def script(_):
        os.kill(os.getpid(), signal.SIGTERM)
        while ("drain",) not in core.calls:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    assert Serving(core, tmp_path, script, drain_time_s=3600).code == 0


def test_usr1_reopens_logs_and_hup_is_ignored(core, tmp_path):
    def script(serving):
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGUSR1)
        while ("reopen_logs",) not in core.calls:
            time.sleep(0.01)
        assert serving.ask("/ready")[0] == 200
        serving.ask("/quitquitquit", "POST")

    assert Serving(core, tmp_path, script).code == 0


def test_dns_is_waited_for_before_listeners_start(core, tmp_path):
    cluster = "{name: d, type: STRICT_DNS, load_assignment: {cluster_name: d}}"
    config = f"static_resources: {{clusters: [{cluster}]}}"
    core.cluster_statuses.clusters.add(name="d", ready=False)

    def answer():
        while ("apply" not in called(core)) or not core.asked:
            time.sleep(0.01)
        core.before_answer = ("start",) in core.calls
        core.cluster_statuses.clusters[0].ready = True
        while ("start",) not in core.calls:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    core.asked = False
    statuses = core.cluster_statuses

    def clusters():
        core.asked = True
        return statuses.SerializeToString()

    core.clusters = clusters
    thread = threading.Thread(target=answer)
    thread.start()
    assert run_proxy(Options(config_yaml=config, log_path=str(tmp_path / "log"))) == 0
    thread.join()
    assert core.before_answer is False


def test_the_workers_get_the_whole_update(core):
    run_proxy(Options(config_yaml=CONFIG, mode="validate"))
    update = worker_pb2.Update.FromString(core.calls[0][1])
    assert [cluster.name for cluster in update.clusters] == ["be", "other"]
    assert dict(update.runtime.values) == {"a": "1", "b.c": "x"}
