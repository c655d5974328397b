"""What a Gateway must be.

Source: Istio pkg/config/validation/validation.go ValidateGateway.
"""

from __future__ import annotations

from lateen.control.model.protocol import Protocol, parse_protocol
from lateen.control.resources.checks.addresses import UNIX, check_address, check_unix_path
from lateen.control.resources.checks.names import check_namespaced_host, check_port, is_dns_label
from lateen.control.resources.checks.server_tls import check_server_tls
from lateen.control.resources.field import Field
from lateen.control.resources.gateway import Gateway, Server
from lateen.control.resources.meta import Resource
from lateen.control.resources.traffic import PASSED_ON, Port


def check_gateway(resource: Resource[Gateway], at: Field) -> None:
    """Note what is wrong with it."""
    if not is_dns_label(resource.name):
        name = Field(at.report, ("metadata", "name"))
        name.error(f"{resource.name!r} is no name of a gateway", "without dots, 63 letters at most")
    if not resource.spec.servers:
        (at / "servers").error("the gateway has no servers", "add one")
    seen: set[str] = set()
    for place, server in (at / "servers").each(resource.spec.servers):
        _check_server(place, server)
        if server.port is None:
            continue
        if server.port.name and server.port.name in seen:
            (place / "port" / "name").error(
                f"two servers have a port {server.port.name!r}", "rename one"
            )
        seen.add(server.port.name)


def _check_server(at: Field, server: Server) -> None:
    if not server.hosts:
        (at / "hosts").error("the server has no hosts", "name one, or * for any")
    for place, host in (at / "hosts").each(server.hosts):
        check_namespaced_host(place, host, gateway=True)
    if server.port is None:
        (at / "port").error("the server has no port", "set number, name and protocol")
    else:
        _check_port(at / "port", server.port, server.bind)
        _check_tls_of_port(at / "tls", server, parse_protocol(server.port.protocol))
    _check_bind(at / "bind", server)
    check_server_tls(at / "tls", server.tls)


def _check_port(at: Field, port: Port, bind: str) -> None:
    if parse_protocol(port.protocol) is Protocol.UNSUPPORTED:
        (at / "protocol").error(
            f"{port.protocol!r} is no protocol",
            "one of HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, TLS, TCP, MONGO, REDIS, MYSQL",
        )
    if port.number or not bind.startswith(UNIX):
        check_port(at / "number", port.number)
    if port.target_port:
        (at / "targetPort").error("a gateway has no targetPort", "remove it")
    if not port.name:
        (at / "name").error("the port has no name", "say one, as http")


def _check_bind(at: Field, server: Server) -> None:
    if server.bind.startswith(UNIX):
        check_unix_path(at, server.bind)
        if server.port is not None and server.port.number:
            at.error("a socket of the file system has no port", "set port.number to 0")
    elif server.bind:
        check_address(at, server.bind)


def _check_tls_of_port(at: Field, server: Server, protocol: Protocol) -> None:
    tls = server.tls
    if tls is None:
        if protocol.is_tls:
            at.error(f"a port of {protocol.value} needs tls", "set tls")
        return
    if tls.https_redirect and not protocol.is_http:
        (at / "httpsRedirect").warn("only plain HTTP is redirected", "remove it")
    files = (tls.ca_certificates, tls.private_key, tls.server_certificate)
    redirects = protocol.is_http and tls.mode in PASSED_ON and not any(files)
    if not protocol.is_tls and protocol is not Protocol.UNSUPPORTED and not redirects:
        at.error(f"a port of {protocol.value} has no TLS", "use HTTPS or TLS, or remove tls")
