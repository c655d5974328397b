"""What the command line says of a sidecar."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from lateen.agent.names.forward import Resolver
from lateen.identity.spiffe import Identity, IdentityError

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
TYPES = ("sidecar", "router")
INTERCEPTION = ("REDIRECT", "TPROXY", "NONE")


class OptionsError(ValueError):
    """A sidecar cannot run like this; the message names the flag and what to do."""


@dataclass(frozen=True)
class Options:
    """How a sidecar runs.

    Attributes:
        discovery: `HOST:PORT` of the control plane.
        name: of the workload's instance.
        namespace: of the workload.
        ip: its address.
        service_account: whose identity it has.
        plaintext: the control plane is spoken to without TLS, and no certificate is asked for;
            then `ca_root` and `token_file` are not looked at.
        ca_root: a PEM file: who must have signed the control plane's certificate.
        token_file: with a join token, for the first certificate.
        trust_domain: of the mesh.
        certificate_life_s: how long its certificates are to be valid; 0: as the authority thinks.
        grace_ratio: the part of a certificate's life that is left when the next one is asked for.
        labels: of the workload.
        locality: `REGION/ZONE/SUBZONE`, as far as it is known.
        domain: of the cluster.
        mesh_id: of the mesh.
        type: `sidecar` or `router` (a gateway).
        interception: how traffic comes to it: REDIRECT, TPROXY or NONE.
        admin_port: of the proxy's admin interface, on the loopback; 0: a free one.
        ready_port: where readiness is asked for; 0: a free one.
        dns_port: where names are answered, on the loopback; 0: a free one.
        dns_capture: the application's queries come there; so it can be told addresses of services
            that have none.
        resolvers: asked for names that are not the mesh's; none: those of `/etc/resolv.conf`.
        state: the directory of keys and sockets; None: one of the user's, by name and namespace.
        envoy: the program of an Envoy that is the proxy; None: Lateen is.
        no_istio_filters: Lateen is sent what an ordinary Envoy is, without Istio's filters.
        concurrency: threads of the proxy.
        proxy_log_level: of the proxy.
        drain_s: how long connections may end before the proxy does.
        command: the application, which is started once the sidecar is ready.
        version: of Lateen, for the control plane.
    """

    discovery: str
    name: str
    namespace: str
    ip: str
    service_account: str = "default"
    plaintext: bool = False
    ca_root: Path | None = None
    token_file: Path | None = None
    trust_domain: str = "cluster.local"
    certificate_life_s: float = 0.0
    grace_ratio: float = 0.5
    labels: Mapping[str, str] = field(default_factory=dict)
    locality: str = ""
    domain: str = "cluster.local"
    mesh_id: str = "cluster.local"
    type: str = "sidecar"
    interception: str = "REDIRECT"
    admin_port: int = 15000
    ready_port: int = 15021
    dns_port: int = 15053
    dns_capture: bool = False
    resolvers: Sequence[Resolver] = ()
    state: Path | None = None
    envoy: Path | None = None
    no_istio_filters: bool = False
    concurrency: int = 2
    proxy_log_level: str = "warning"
    drain_s: float = 5.0
    command: Sequence[str] = ()
    version: str = ""

    def __post_init__(self) -> None:
        """Check what belongs together.

        Raises:
            OptionsError: something does not.
        """
        host, colon, port = self.discovery.rpartition(":")
        if not (colon and host and port.isdecimal() and 0 < int(port) < 65536):
            raise OptionsError(f"--discovery: {self.discovery!r} is not HOST:PORT")
        for flag, value in (
            ("--name", self.name),
            ("--namespace", self.namespace),
            ("--service-account", self.service_account),
        ):
            if not _NAME.fullmatch(value):
                raise OptionsError(f"{flag}: {value!r} is no name: a-z, 0-9, '-' and '.'")
        try:
            _ = self.identity
        except IdentityError as error:
            raise OptionsError(f"--trust-domain: {error}") from None
        try:
            ip_address(self.ip)
        except ValueError:
            raise OptionsError(f"--ip: {self.ip!r} is no IP address") from None
        if self.locality.count("/") > 2:
            raise OptionsError(f"--locality: {self.locality!r} is not REGION/ZONE/SUBZONE")
        _ = self.directory
        if not self.plaintext and self.ca_root is None:
            raise OptionsError(
                "--ca-root is needed: a file with the root of the control plane's certificate "
                "(or --plaintext, to a control plane on this machine)"
            )

    @property
    def identity(self) -> Identity:
        """Of the workload."""
        return Identity(self.trust_domain, self.namespace, self.service_account)

    @property
    def directory(self) -> Path:
        """Where keys and sockets are.

        Raises:
            OptionsError: it is not said, and the user has no directory.
        """
        if self.state is not None:
            return self.state
        return _state_home() / "lateen" / f"{self.name}.{self.namespace}"


def _state_home() -> Path:
    """Where programs of the user keep their state (XDG Base Directory Specification)."""
    given = os.environ.get("XDG_STATE_HOME")
    if given:
        return Path(given)
    try:
        return Path.home() / ".local/state"
    except RuntimeError:
        raise OptionsError("--state is needed: there is no home directory") from None
