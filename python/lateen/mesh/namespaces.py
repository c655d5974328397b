"""Network namespaces: one an instance, on a bridge, with what captures traffic. Needs root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lateen.capture import iptables
from lateen.capture.plan import EVERYTHING, Plan
from lateen.capture.rules import Family
from lateen.mesh.plan import Instance, Network
from lateen.mesh.workloads import Role

#: Whose traffic is not captured (docs/capture.md): the sidecar's.
SIDECAR_GROUP = 1337
#: The sidecar's own ports: agent, readiness, statistics.
_NOT_CAPTURED = ("15020", "15021", "15090")
_RESOLVER = "127.0.0.1"
# linux/capability.h: CAP_NET_ADMIN, CAP_SYS_ADMIN
_CAPABILITIES = 1 << 12 | 1 << 21
_NAMED = Path("/run/netns")
_LINKS = Path("/sys/class/net")
#: `ip netns exec` shows files of a namespace's folder here in place of those of /etc.
_FILES = Path("/etc/netns")
_SECONDS = 30


class NamespaceError(Exception):
    """A namespace cannot be made; the message says why and what to do."""


def missing() -> str:
    """Why no namespace can be made here; empty: it can."""
    programs = {"ip": "iproute2", "iptables-restore": "iptables", "setpriv": "util-linux"}
    for program, package in programs.items():
        if not shutil.which(program):
            return f"{program} is missing: apt-get install {package}"
    status = Path("/proc/self/status").read_text()
    effective = int(status.partition("CapEff:")[2].split()[0], 16)
    if effective & _CAPABILITIES != _CAPABILITIES:
        return "it takes root (CAP_SYS_ADMIN and CAP_NET_ADMIN)"
    return ""


@dataclass(frozen=True)
class Namespaces:
    """The namespaces of one mesh.

    Attributes:
        network: the addresses.
    """

    network: Network

    @property
    def _bridge(self) -> str:
        return f"lateen-{self.network.number}"

    @property
    def _prefix(self) -> str:
        return f"lateen-up-{self.network.number}-"

    def name(self, instance: Instance) -> str:
        """The namespace of an instance."""
        return f"{self._prefix}{instance.name}"

    def inside(self, instance: Instance, command: Sequence[str]) -> list[str]:
        """What runs a command in the namespace of an instance."""
        return ["ip", "netns", "exec", self.name(instance), *command]

    def make(self, instances: Sequence[Instance]) -> None:
        """Make the bridge and all namespaces, in place of what is left of an earlier mesh.

        Raises:
            NamespaceError: something cannot be made.
        """
        self.remove()
        _ip([], self._outside(instances))
        rules = self._rules()
        for one in instances:
            _ip(["-n", self.name(one)], self._within(one))
            if one.workload.role is Role.SIDECAR:
                _run(self.inside(one, ["iptables-restore", "--noflush", "--wait"]), rules)
            files = _FILES / self.name(one)
            try:
                files.mkdir(parents=True, exist_ok=True)
                (files / "resolv.conf").write_text(_resolv_conf(one))
            except OSError as error:
                raise NamespaceError(f"cannot write to {files}: {error.strerror}") from None

    def _outside(self, instances: Sequence[Instance]) -> Iterator[str]:
        yield f"link add {self._bridge} type bridge"
        yield f"address add {self.network.control}/24 dev {self._bridge}"
        yield f"link set {self._bridge} up"
        for index, one in enumerate(instances):
            link = f"{self._bridge}-{index}"
            yield f"netns add {self.name(one)}"
            yield f"link add {link} type veth peer name eth0 netns {self.name(one)}"
            yield f"link set {link} master {self._bridge} up"

    def _within(self, one: Instance) -> Iterator[str]:
        yield "link set lo up"
        yield f"address add {one.address}/24 dev eth0"
        yield "link set eth0 up"
        # Addresses of services are captured; before that, they need a way to be sent.
        yield f"route add default via {self.network.control}"

    def _rules(self) -> str:
        """What captures the traffic of an instance (docs/capture.md)."""
        plan = Plan(
            inbound_ports=(EVERYTHING,),
            inbound_exclude_ports=_NOT_CAPTURED,
            outbound_ip_ranges=(EVERYTHING,),
            redirect_dns=True,
            dns_servers=(_RESOLVER,),
        )
        return iptables.restore_text(Family(plan, 4).rules())

    def remove(self) -> None:
        """Take away the bridge and all namespaces, with the processes that are left in them.

        Raises:
            NamespaceError: something cannot be taken away.
        """
        # A namespace goes some time after its name does, and would keep its link for as long.
        links = [path.name for path in _LINKS.glob(f"{self._bridge}-*")]
        links += [self._bridge] if (_LINKS / self._bridge).exists() else []
        _ip([], [f"link delete {link}" for link in links])
        for path in sorted(_NAMED.glob(f"{self._prefix}*")):
            for pid in _call(["ip", "netns", "pids", path.name]).stdout.split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            _ip([], [f"netns delete {path.name}"])
        for files in _FILES.glob(f"{self._prefix}*"):
            shutil.rmtree(files, ignore_errors=True)
        with suppress(OSError):
            _FILES.rmdir()


def _resolv_conf(one: Instance) -> str:
    """Without a server the loopback is asked (resolv.conf(5)), which the sidecar answers for.

    The sidecar reads the same file, and has nobody to ask what the mesh does not know.
    """
    domains = f"{one.workload.namespace}.svc.cluster.local svc.cluster.local cluster.local"
    return f"search {domains}\noptions ndots:5\n"


def _ip(options: Sequence[str], commands: Iterable[str]) -> None:
    _run(["ip", *options, "-batch", "-"], "\n".join(commands))


def _run(argv: Sequence[str], text: str) -> None:
    """Run a command that must succeed.

    Raises:
        NamespaceError: it fails.
    """
    done = _call(argv, text)
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise NamespaceError(f"{' '.join(argv)}: {said}")


def _call(argv: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Raises:
        NamespaceError: that does not come, as when another program holds the lock of iptables.
    """
    try:
        return subprocess.run(
            argv, input=text, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise NamespaceError(f"{' '.join(argv)}: did not end in {_SECONDS} s") from None
