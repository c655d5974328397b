"""Messages that several kinds of networking.istio.io share."""

from __future__ import annotations

from typing import Literal

from lateen.control.resources.meta import Strict
from lateen.control.resources.scalars import UInt32

TlsProtocol = Literal["TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"]


class StringMatch(Strict, frozen=True):
    """One way to match a text; at most one is set, and none matches any."""

    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None


class Percent(Strict, frozen=True):
    """A percentage, 0 to 100."""

    value: float = 0


class PortSelector(Strict, frozen=True):
    """A port by number."""

    number: UInt32 = 0


class Destination(Strict, frozen=True):
    """A service, perhaps one subset and port of it."""

    host: str
    subset: str = ""
    port: PortSelector | None = None


class Port(Strict, frozen=True):
    """A port of a gateway, a sidecar's listener or a service entry."""

    number: UInt32 = 0
    protocol: str = ""
    name: str = ""
    target_port: UInt32 = 0


class TlsCertificate(Strict, frozen=True):
    """A certificate chain and its key, in files."""

    server_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""


PASSED_ON = ("PASSTHROUGH", "AUTO_PASSTHROUGH")
"""Modes of servers that leave TLS to those behind them."""


class ServerTls(Strict, frozen=True):
    """How a server of a gateway or a sidecar speaks TLS (ServerTLSSettings of gateway.proto)."""

    https_redirect: bool = False
    mode: Literal[
        "PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"
    ] = "PASSTHROUGH"
    server_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    ca_crl: str = ""
    credential_name: str = ""
    credential_names: tuple[str, ...] = ()
    tls_certificates: tuple[TlsCertificate, ...] = ()
    ca_cert_credential_name: str = ""
    subject_alt_names: tuple[str, ...] = ()
    verify_certificate_spki: tuple[str, ...] = ()
    verify_certificate_hash: tuple[str, ...] = ()
    min_protocol_version: TlsProtocol = "TLS_AUTO"
    max_protocol_version: TlsProtocol = "TLS_AUTO"
    cipher_suites: tuple[str, ...] = ()
    ecdh_curves: tuple[str, ...] = ()
    insecure_skip_verify: bool | None = None
