"""`lateen reload`: one command replaces a running proxy, or says why not."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.conftest import Config, bootstrap
from tests.e2e.test_hot_restart import Epochs
from tests.support.client import fetch, get
from tests.support.proxies import Proxy
from tests.support.upstream import Script, Upstream, reply
from tests.support.workers import eventually

TAKEN = re.compile(r"epoch (\d+) \(pid (\d+)\) has taken over from epoch (\d+) \(pid (\d+)\)\n")


@pytest.fixture
def epochs(command: list[str], stack: ExitStack) -> Epochs:
    return Epochs(command, stack)


@pytest.fixture
def reload(command: list[str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command[:-1], "reload", *arguments],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run


def ended(pid: int) -> bool:
    """Whether a process that is no child of this one is gone."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def config_of(upstream: Callable[[Script], Upstream], port: int, admin: int) -> Config:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": admin}}
    config = bootstrap(port, upstream(Script([reply()])).port)
    return {"admin": {"address": address}, **config}


def test_reload(
    epochs: Epochs, reload: Callable[..., subprocess.CompletedProcess[str]],
    upstream: Callable[[Script], Upstream], lease: Callable[[], int], stack: ExitStack,
) -> None:  # fmt: skip
    port, admin = lease(), lease()
    proxy = epochs.start(0, config_of(upstream, port, admin), "--drain-time-s", "1")
    file = proxy.directory / "envoy.json"
    config = json.loads(file.read_text())
    base = ("--base-id", str(epochs.base_id))

    done = reload(*base)
    assert done.returncode == 0, done.stderr
    epoch, pid, old_epoch, old_pid = map(int, TAKEN.fullmatch(done.stdout).groups())
    stack.callback(end, pid)
    assert (epoch, old_epoch, old_pid) == (1, 0, proxy.process.pid)
    assert proxy.wait_exit() == 0
    assert fetch(port, get()).status == 200
    assert f"][{pid}][info]" in proxy.stderr, "the log goes where it went"

    config["static_resources"]["clusters"][0]["typo"] = 1
    file.write_text(json.dumps(config, indent=1))
    bad = reload(*base)
    assert bad.returncode == 1
    assert bad.stdout == ""
    mistake, outcome = bad.stderr.splitlines()
    assert re.match(re.escape(str(file)) + r":\d+:\d+: error: .*'typo'", mistake)
    assert outcome.endswith(f"ended with exit code 1; epoch 1 (pid {pid}) goes on")
    assert fetch(port, get()).status == 200

    del config["static_resources"]["clusters"][0]["typo"]
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
    manager["typed_config"]["server_name"] = "reloaded"
    file.write_text(json.dumps(config))
    done = reload("--admin-address", f"127.0.0.1:{admin}")
    assert done.returncode == 0, done.stderr
    newest = int(TAKEN.fullmatch(done.stdout).group(2))
    stack.callback(end, newest)
    assert fetch(port, get()).get("server") == "reloaded"
    eventually(lambda: ended(pid))
    end(newest)
    eventually(lambda: ended(newest))


def test_a_start_that_takes_too_long_is_ended(
    epochs: Epochs, reload: Callable[..., subprocess.CompletedProcess[str]],
    upstream: Callable[[Script], Upstream], lease: Callable[[], int],
) -> None:  # fmt: skip
    port = lease()
    proxy: Proxy = epochs.start(0, config_of(upstream, port, lease()))
    done = reload("--base-id", str(epochs.base_id), "--timeout", "0.1")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "it was not live after 0.1 s; epoch 0" in line
    pid = int(re.search(r"epoch 1 \(pid (\d+)\)", line).group(1))
    assert ended(pid)
    assert fetch(port, get()).status == 200
    assert proxy.process.poll() is None


def end(pid: int) -> None:
    """Ends a process that a reload has started."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
