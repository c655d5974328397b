"""A sidecar with the application that it starts: who begins, who ends, and with which exit code."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.meshed import LATEEN, MESH, PLAINTEXT, Machine, Process
from tests.support.namespaces import Namespace, namespace
from tests.support.waiting import until

TELLS = """\
import signal, sys, time
def end(number, _):
    print("told", number, flush=True)
    if number != signal.SIGHUP:
        sys.exit(9)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, end)
print("started", flush=True)
time.sleep(60)
"""


class Place:
    """A namespace with a control plane and room for a sidecar."""

    def __init__(self, inside: Namespace, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        manifests = folder / "mesh"
        manifests.mkdir()
        (manifests / "mesh.yaml").write_text(MESH + PLAINTEXT)
        self.machine = Machine(inside, "a", "10.77.0.1", folder)
        argv = inside.command([LATEEN, "control", str(manifests), "--address", "127.0.0.1:15010"])
        control = Process(argv, folder / "control.log")
        stack.callback(control.end)
        until(lambda: "serving" in control.log())

    def start(
        self, *command: str, flags: tuple[str, ...] = (), wrapper: tuple[str, ...] = ()
    ) -> Process:
        discovery = ("--discovery", "127.0.0.1:15010", "--plaintext", "--drain-time", "2")
        made = self.machine.begin([*discovery, *flags, "--", *command], "0", wrapper)
        self.stack.callback(made.end)
        return made

    def others(self, of: str = "") -> set[int]:
        """Processes that have the sidecar's directory in their command line."""
        left = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    line = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if f"{self.folder}/a/state/{of}".rstrip("/").encode() in line:
                    left.add(int(entry.name))
        return left


@pytest.fixture
def place() -> Iterator[Place]:
    with namespace() as inside, ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lateen-")))
        yield Place(inside, folder, stack)


def test_the_application_begins_when_the_sidecar_is_ready_and_its_end_is_the_sidecars(place):
    ask = "curl -s http://127.0.0.1:15021/healthz/ready; curl -s 127.0.0.1:15000/listeners; exit 7"
    sidecar = place.start("sh", "-c", ask)
    assert sidecar.process.wait(60) == 7
    told = sidecar.log()
    assert "ready\n" in told
    assert "virtualOutbound" in told
    until(lambda: not place.others())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_passed_on(place, number):
    sidecar = place.start(sys.executable, "-c", TELLS)
    until(lambda: "started" in sidecar.log())
    sidecar.process.send_signal(number)
    assert sidecar.process.wait(60) == 9
    assert f"told {int(number)}\n" in sidecar.log()
    until(lambda: not place.others())


def test_other_signals_are_the_applications_alone(place):
    sidecar = place.start(sys.executable, "-c", TELLS)
    until(lambda: "started" in sidecar.log())
    sidecar.process.send_signal(signal.SIGHUP)
    until(lambda: "told 1\n" in sidecar.log())
    assert sidecar.process.poll() is None
    assert place.machine.is_ready()


def test_it_ends_when_it_is_told_over_http(place):
    sidecar = place.start(sys.executable, "-c", TELLS)
    until(lambda: "started" in sidecar.log())
    assert place.machine.post("/drain") == "drained\n"
    until(lambda: not place.machine.is_ready())
    assert place.machine.post("/quitquitquit") == "ending\n"
    assert sidecar.process.wait(60) == 9


def test_commands_of_other_machines_are_refused(place):
    sidecar = place.start(sys.executable, "-c", TELLS)
    until(lambda: "started" in sidecar.log())
    # What is sent to another address of the machine comes from there.
    far = place.machine.inside.run("curl", "-s", "-X", "POST", "10.77.0.1:15021/quitquitquit")
    assert far.stdout == "only from this machine\n"
    assert (
        place.machine.inside.run("curl", "-s", "10.77.0.1:15021/healthz/ready").stdout == "ready\n"
    )


def test_process_1_of_a_container_leaves_no_zombies(place):
    # A grandchild, which becomes a child of process 1 when its parent ends.
    orphan = "(sleep 0.1 &); sleep 3; echo zombies: $(ps -e -o stat | grep -c ^Z)"
    container = ("unshare", "--pid", "--fork", "--mount-proc")
    place.start("sh", "-c", orphan, wrapper=container).process.wait(60)
    assert "zombies: 0\n" in (place.folder / "a" / "sidecar.log").read_text()


def test_an_application_that_cannot_be_started_is_one_line(place):
    sidecar = place.start("/nowhere/application")
    assert sidecar.process.wait(60) == 127
    assert "cannot start /nowhere/application: No such file or directory" in sidecar.log()
    assert "Traceback" not in sidecar.log()


def test_an_envoy_that_cannot_be_started_is_told(place):
    sidecar = place.start("true", flags=("--envoy", "/nowhere/envoy"))
    assert sidecar.process.wait(60) == 1
    assert "cannot start /nowhere/envoy: No such file or directory" in sidecar.log()
    assert "the proxy ended by itself (exit code 127)" in sidecar.log()
    assert "Traceback" not in sidecar.log()


def test_without_its_proxy_the_application_ends(place):
    sidecar = place.start(sys.executable, "-c", TELLS)
    until(lambda: "started" in sidecar.log())
    (proxy,) = place.others(of="bootstrap.json")
    os.kill(proxy, signal.SIGKILL)
    assert sidecar.process.wait(60) == 9
    assert "the proxy ended by itself (exit code 137)" in sidecar.log()


def test_nothing_is_left_of_a_sidecar_that_is_killed(place):
    sidecar = place.start(sys.executable, "-c", TELLS)
    until(lambda: "started" in sidecar.log())
    assert place.others()
    sidecar.process.kill()
    until(lambda: not place.others())
    until(lambda: "told 15" in sidecar.log())
    assert sidecar.log().count("told") == 1


def test_two_sidecars_do_not_share_a_directory(place):
    first = place.start(sys.executable, "-c", TELLS)
    until(lambda: "started" in first.log())
    second = place.start("true", flags=("--ready-port", "0", "--dns-port", "0"))
    assert second.process.wait(60) == 1
    assert "another sidecar uses" in second.log()
