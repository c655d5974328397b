"""The protocol of a port.

Source: Istio, "Protocol Selection" (docs/ops/configuration/traffic-management/protocol-selection);
pkg/config/kube/conversion.go, pkg/config/protocol/instance.go.
"""

from __future__ import annotations

from enum import Enum


class Protocol(Enum):
    """What a port carries; UNSUPPORTED: nobody says, so the first bytes tell."""

    GRPC = "GRPC"
    GRPC_WEB = "GRPC-Web"
    HTTP = "HTTP"
    HTTP_PROXY = "HTTP_PROXY"
    HTTP2 = "HTTP2"
    HTTPS = "HTTPS"
    TCP = "TCP"
    TLS = "TLS"
    UDP = "UDP"
    MONGO = "Mongo"
    REDIS = "Redis"
    MYSQL = "MySQL"
    UNSUPPORTED = "UnsupportedProtocol"

    @property
    def is_http(self) -> bool:
        """Whether requests can be read."""
        return self in _HTTP

    @property
    def is_http2(self) -> bool:
        """Whether endpoints are called by HTTP/2."""
        return self in _HTTP2

    @property
    def is_tls(self) -> bool:
        """Whether the application itself speaks TLS."""
        return self in (Protocol.HTTPS, Protocol.TLS)

    @property
    def is_tcp(self) -> bool:
        """Whether bytes are passed on without a look at requests."""
        return self in _TCP

    @property
    def after_tls(self) -> Protocol:
        """What is in the TLS that a gateway ends."""
        inside = {Protocol.HTTPS: Protocol.HTTP, Protocol.TLS: Protocol.TCP}
        return inside.get(self, self)


_HTTP2 = frozenset((Protocol.HTTP2, Protocol.GRPC, Protocol.GRPC_WEB))
_HTTP = _HTTP2 | {Protocol.HTTP, Protocol.HTTP_PROXY}
_TCP = frozenset(
    (
        Protocol.TCP,
        Protocol.HTTPS,
        Protocol.TLS,
        Protocol.MONGO,
        Protocol.REDIS,
        Protocol.MYSQL,
    )
)
_BY_NAME = {protocol.value.lower(): protocol for protocol in Protocol}
_OF_KUBERNETES = {
    "kubernetes.io/h2c": Protocol.HTTP2,
    "kubernetes.io/ws": Protocol.HTTP,
    "kubernetes.io/wss": Protocol.HTTPS,
}
# The server speaks first, or the client waits: SMTP, DNS, MySQL, MongoDB.
_NOT_SNIFFED = frozenset((25, 53, 3306, 27017))


def parse_protocol(name: str) -> Protocol:
    """The protocol of a name in any case; UNSUPPORTED when it is none."""
    return _BY_NAME.get(name.lower(), Protocol.UNSUPPORTED)


def protocol_of_port(number: int, name: str, transport: str, app_protocol: str) -> Protocol:
    """The protocol of a service's port.

    Args:
        number: the port.
        name: of the port; what is before its first `-` counts.
        transport: `TCP` or `UDP`.
        app_protocol: says more than the name; empty: nothing.
    """
    if transport.upper() == "UDP":
        return Protocol.UDP
    if app_protocol in _OF_KUBERNETES:
        return _OF_KUBERNETES[app_protocol]
    said = app_protocol or name
    if said.lower().startswith("grpc-web"):
        return Protocol.GRPC_WEB
    found = parse_protocol(said.partition("-")[0])
    if found is Protocol.UNSUPPORTED and number in _NOT_SNIFFED:
        return Protocol.TCP
    return found
