"""What the bench asks of a proxy."""

from __future__ import annotations

import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import ClassVar

from bench.errors import BenchError

CONFIGS = Path(__file__).parents[1] / "configs"


@dataclass(frozen=True)
class Added:
    """What is added to the configuration of proxies that run Envoy's.

    `filters` are flow mappings before the router, each with a comma after it; `route` continues the
    flow mapping of the route's action; `cluster` are lines of the cluster, `manager` those of the
    connection manager; `access_log` is a flow mapping in the place of the setup's logs.
    """

    filters: str = ""
    route: str = ""
    cluster: str = ""
    manager: str = ""
    access_log: str = ""


NOTHING = Added()


@dataclass(frozen=True)
class Setup:
    """One way to run a proxy: where it listens, where it sends, what it logs."""

    port: int
    admin_port: int
    upstream_port: int
    directory: Path
    access_log: bool = False
    workers: int = 1
    #: Where it takes TLS as well; 0: nowhere.
    tls_port: int = 0
    #: Where it takes HTTP/2 without TLS.
    http2_port: int = 0
    #: What it speaks to the upstream: `http1`, `http2`, or `grpc`.
    upstream: str = "http1"
    #: Bytes are passed on without a look at them.
    tcp: bool = False
    added: Added = NOTHING

    @property
    def log(self) -> Path:
        """The access log file."""
        return self.directory / "access.log"

    @property
    def certificate(self) -> Path:
        """The certificate, with its key in the same file."""
        return self.directory / "tls.pem"


@dataclass(frozen=True)
class Programs:
    """Where the programs are that no package manager puts on PATH."""

    lateen: Path
    envoy: Path
    examples: Path


class Proxy(ABC):
    """A program that takes HTTP on one port and passes it to one upstream."""

    name: ClassVar[str]
    #: Whether an HTTP/1.1 `Connection: close` ends at the proxy (a byte relay passes it on).
    speaks_http: ClassVar[bool] = True
    #: Whether it runs Envoy's configuration.
    runs_envoy_config: ClassVar[bool] = False
    has_access_log: ClassVar[bool] = True
    #: What it can speak to the upstream.
    upstreams: ClassVar[frozenset[str]] = frozenset(("http1", "http2", "grpc"))

    def __init__(self, programs: Programs) -> None:
        self.programs = programs

    @abstractmethod
    def missing(self) -> str | None:
        """Return what to install and how when the program is not there, else None."""

    @abstractmethod
    def version(self) -> str:
        """Return the program's version."""

    def passes_tcp(self) -> bool:
        """Return whether it can pass bytes on without a look at them."""
        return True

    @abstractmethod
    def command(self, setup: Setup) -> list[str]:
        """Write the configuration into `setup.directory` and return the command that runs it."""


def write_config(setup: Setup, name: str, **more: str) -> Path:
    """Fill in a file of bench/configs and return where it is.

    Args:
        setup: gives the values of `port`, `admin`, `upstream`, `workers` and `directory`.
        name: the file.
        more: the values of the file's other placeholders.
    """
    values = {
        "port": setup.port,
        "http2": setup.http2_port,
        "admin": setup.admin_port,
        "upstream": setup.upstream_port,
        "workers": setup.workers,
        "directory": setup.directory,
    }
    path = setup.directory / name
    path.write_text(Template((CONFIGS / name).read_text()).substitute(values, **more))
    return path


def make_certificate(setup: Setup) -> None:
    """Write an ECDSA P-256 certificate and its key."""
    key = setup.directory / "tls.key"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    argv += ["-nodes", "-keyout", str(key), "-out", str(setup.certificate), "-days", "2"]
    argv += ["-subj", "/CN=a.test", "-addext", "subjectAltName=DNS:a.test"]
    subprocess.run(argv, check=True, capture_output=True, timeout=30)
    setup.certificate.write_text(setup.certificate.read_text() + key.read_text())
    setup.certificate.chmod(0o644)


def package(program: str, name: str) -> str | None:
    """Return how to install a Debian package whose program is not on PATH, else None."""
    if shutil.which(program):
        return None
    return f"{program} is missing: apt-get install {name}"


def first_line(argv: Sequence[str]) -> str:
    """Return the first line that a `--version` command prints on stdout or stderr.

    Raises:
        BenchError: the command cannot be run.
    """
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=30, errors="replace", check=False
        )
    except OSError as error:
        raise BenchError(f"cannot run {argv[0]}: {error.strerror}") from error
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
    return lines[0] if lines else "unknown"
