"""A whole mesh on this machine, in both modes: it starts, carries requests, and leaves nothing."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from lateen.mesh.plan import Mode
from tests.support.up import LATEEN, curl, processes, running
from tests.support.waiting import until

SERVICES = Path(__file__).parents[2] / "examples" / "bookshop" / "services"
MESH = f"""\
services:
  front: {{command: [python3, front.py], directory: {SERVICES}, ports: [{{port: 9080}}]}}
  details:
    command: [python3, details.py]
    directory: {SERVICES}
    ports: [{{port: 9080, name: http}}]
"""
FRONT = "cluster.local/ns/default/sa/front"


@pytest.fixture(params=list(Mode))
def mode(request):
    return request.param


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mesh.yaml"
    path.write_text(MESH)
    return path


def details(up):
    """What the front page is told by details, as who."""
    status, body = curl(f"http://{up.address('front-1')}:9080/book")
    return json.loads(body)["details"] if status == 200 else {}


def left(up):
    """What is left of a mesh on the machine."""
    names = [path.name for path in Path("/run/netns").glob(f"lateen-up-{up.number}-*")]
    links = [path.name for path in Path("/sys/class/net").glob(f"lateen-{up.number}*")]
    files = [str(path) for path in Path("/etc/netns").glob(f"lateen-up-{up.number}-*")]
    return [*names, *links, *files, *processes(str(up.state)), *filter(Path.exists, [up.state])]


def test_calls_go_from_proxy_to_proxy_and_nothing_is_left(file, mode):
    with running(file, mode) as up:
        # The first call is answered: all sidecars know who is ready.
        told = details(up)
        assert told["title"] == "The Sea-Wolf"
        # The sidecar of details saw the certificate of the front page's.
        assert told["caller"] == f"spiffe://{FRONT}"
        assert left(up)
        assert up.end() == 0
        assert left(up) == []
    assert not up.says("Traceback")


def test_what_dies_is_started_again(file, mode):
    with running(file, mode) as up:
        until(lambda: details(up).get("title"))
        (sidecar,) = processes("--discovery", str(up.state), "LATEEN_INSTANCE=details-1")
        killed = sidecar
        os.kill(sidecar, signal.SIGKILL)
        until(lambda: up.says("details-1: killed by SIGKILL; again in"))
        until(lambda: up.says("details-1: ready", 2))
        until(lambda: details(up).get("title"))
        (sidecar,) = processes("--discovery", str(up.state), "LATEEN_INSTANCE=details-1")
        assert sidecar != killed
        found = processes("details.py", "LATEEN_INSTANCE=details-1", without="--discovery")
        (application,) = [one for one in found if os.getsid(one) == sidecar]
        os.kill(application, signal.SIGKILL)
        until(lambda: up.says("details-1: ready", 3))
        assert until(lambda: details(up).get("title")) == "The Sea-Wolf"


def test_a_killed_mesh_takes_its_processes_along_and_the_next_one_cleans_up(file, mode):
    with running(file, mode) as up:
        up.signal(signal.SIGKILL)
        up.wait()
        until(lambda: not processes(str(up.state)))
        with running(file, mode) as again:
            assert again.number == up.number
            until(lambda: details(again).get("caller") == f"spiffe://{FRONT}")
    assert left(up) == []


def test_resources_beside_the_file_are_in_force(file, mode):
    resources = file.parent / "active"
    resources.mkdir()
    file.write_text(f"resources: active\n{MESH}")
    with running(file, mode) as up:
        until(lambda: details(up).get("title"))
        (resources / "tea.yaml").write_text("""\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: details}
spec: {hosts: [details], http: [{directResponse: {status: 418, body: {string: tea}}}]}
""")
        told = until(lambda: details(up) if "title" not in details(up) else None)
        assert told == {"status": 418, "error": "tea"}


def test_a_mistake_in_the_file_is_one_line_and_nothing_starts(file):
    file.write_text(MESH.replace("front:", "front!:"))
    done = subprocess.run([LATEEN, "up", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"{file}:2:3: error: services.front!: 'front!' is no name "
        "(at most 48 lower-case letters, digits and '-', a letter first)\n"
    )
