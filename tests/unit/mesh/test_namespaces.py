"""Network namespaces of instances: made, captured, and taken away again."""

import subprocess
import sys
from pathlib import Path

import pytest

from lateen.mesh import namespaces as namespaces_module
from lateen.mesh.claim import claimed_number
from lateen.mesh.namespaces import NamespaceError, Namespaces, missing
from lateen.mesh.plan import Mode, Network, plan
from lateen.mesh.reading import read_mesh_file
from tests.support.meshes import SHOP, planned

# Only who is there can refuse.
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 9), 10)
except ConnectionRefusedError:
    print("refused")
"""


@pytest.fixture
def made(tmp_path):
    if why := missing():
        pytest.skip(f"no network namespaces: {why}")
    (tmp_path / "mesh.yaml").write_text(SHOP)
    with claimed_number() as number:
        found = plan(read_mesh_file(tmp_path / "mesh.yaml"), Network(Mode.namespaces, number), int)
        namespaces = Namespaces(found.network)
        try:
            namespaces.make(found.instances)
            yield namespaces, {one.name: one for one in found.instances}
        finally:
            namespaces.remove()


def programs(monkeypatch, folder, script):
    """The programs that make namespaces are a script from now on."""
    for name in ("ip", "iptables-restore"):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return Namespaces(Network(Mode.namespaces, 255))


def test_a_program_that_does_not_end_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(namespaces_module, "_SECONDS", 0.1)
    namespaces = programs(monkeypatch, tmp_path, "exec sleep 60")
    with pytest.raises(NamespaceError, match="ip -batch -: did not end"):
        namespaces.make([])


def test_a_file_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    namespaces = programs(monkeypatch, tmp_path, "exit 0")
    monkeypatch.setattr(namespaces_module, "_FILES", tmp_path / "ip")
    instances = planned(tmp_path, Mode.namespaces).instances
    with pytest.raises(NamespaceError, match=r"cannot write to .*: Not a directory"):
        namespaces.make(instances)


def inside(namespaces, instance, *argv):
    command = namespaces.inside(instance, argv)
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_an_instance_has_its_address_its_names_and_its_rules(made):
    namespaces, instances = made
    web = instances["web-v1-1"]
    assert f"inet {web.address}/24" in inside(
        namespaces, web, "ip", "-4", "address", "show", "eth0"
    )
    assert inside(namespaces, web, "cat", "/etc/resolv.conf").startswith(
        "search shop.svc.cluster.local svc.cluster.local cluster.local\n"
    )
    rules = inside(namespaces, web, "iptables", "-t", "nat", "-S")
    assert "-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006" in rules
    assert "-A ISTIO_OUTPUT_DNS -d 127.0.0.1/32 -p udp -m udp --dport 53" in rules
    for name in ("ingress-1", "outside-1"):
        assert "ISTIO" not in inside(namespaces, instances[name], "iptables", "-t", "nat", "-S")


def test_instances_reach_each_other_and_the_machine(made):
    namespaces, instances = made
    gateway = instances["ingress-1"]
    for address in (instances["outside-1"].address, namespaces.network.control):
        argv = [sys.executable, "-c", CONNECT, address]
        assert inside(namespaces, gateway, *argv) == "refused\n"


def test_nothing_is_left_and_it_can_be_made_again_at_once(made):
    namespaces, instances = made
    number = namespaces.network.number
    namespaces.remove()
    assert not list(Path("/run/netns").glob(f"lateen-up-{number}-*"))
    assert not list(Path("/etc/netns").glob(f"lateen-up-{number}-*"))
    assert not Path(f"/sys/class/net/lateen-{number}").exists()
    namespaces.make(list(instances.values()))
    # What an earlier mesh left is in nobody's way.
    namespaces.make(list(instances.values()))
