"""What a Sidecar must be.

Source: Istio pkg/config/validation/validation.go ValidateSidecar.
"""

from __future__ import annotations

from lateen.control.model.protocol import parse_protocol
from lateen.control.resources.checks.addresses import UNIX, check_address, check_unix_path
from lateen.control.resources.checks.connection_pool import check_connection_pool
from lateen.control.resources.checks.destinations import check_destination
from lateen.control.resources.checks.names import (
    check_domain,
    check_namespaced_host,
    check_port,
    check_port_name,
    check_protocol,
)
from lateen.control.resources.checks.selectors import check_workload_selector
from lateen.control.resources.checks.server_tls import check_server_tls
from lateen.control.resources.checks.values import is_number
from lateen.control.resources.field import Field
from lateen.control.resources.meta import Resource
from lateen.control.resources.sidecar import (
    EgressListener,
    IngressListener,
    OutboundTrafficPolicy,
    Sidecar,
)
from lateen.control.resources.traffic import Port, ServerTls

_LOOPBACKS = ("", "127.0.0.1", "0.0.0.0", "[::1]", "[::]")


def check_sidecar(resource: Resource[Sidecar], at: Field) -> None:
    """Note what is wrong with it."""
    sidecar = resource.spec
    check_workload_selector(at / "workloadSelector", sidecar.workload_selector)
    settings = (sidecar.outbound_traffic_policy, sidecar.inbound_connection_pool)
    if not sidecar.egress and not sidecar.ingress and settings == (None, None):
        at.error("the sidecar says nothing", "set ingress, egress or outboundTrafficPolicy")
    _check_ingress(at / "ingress", sidecar)
    check_connection_pool(at / "inboundConnectionPool", sidecar.inbound_connection_pool)
    _check_egress(at / "egress", sidecar, resource.namespace)
    if sidecar.outbound_traffic_policy is not None:
        _check_outbound(at / "outboundTrafficPolicy", sidecar.outbound_traffic_policy)


def _check_ingress(at: Field, sidecar: Sidecar) -> None:
    seen: set[int] = set()
    for place, listener in at.each(sidecar.ingress):
        _check_port(place / "port", listener.port)
        check_port(place / "port" / "number", listener.port.number)
        if listener.bind:
            check_address(place / "bind", listener.bind)
        if listener.port.number in seen:
            (place / "port").error(f"two listeners have port {listener.port.number}", "change one")
        seen.add(listener.port.number)
        if listener.default_endpoint:
            _check_endpoint(place / "defaultEndpoint", listener.default_endpoint)
        if listener.tls is not None:
            _check_tls(place / "tls", listener.tls, listener)
        check_connection_pool(place / "connectionPool", listener.connection_pool)
        pool = listener.connection_pool
        protocol = parse_protocol(listener.port.protocol)
        if pool is not None and pool.http is not None and not protocol.is_http:
            (place / "connectionPool" / "http").warn(
                "the port's protocol is not HTTP, so only tcp is used", "set port.protocol"
            )


def _check_port(at: Field, port: Port) -> None:
    if port.target_port:
        (at / "targetPort").error("a sidecar has no targetPort", "remove it")
    if port.name:
        check_port_name(at / "name", port.name)
    check_protocol(at / "protocol", port.protocol)


def _check_endpoint(at: Field, endpoint: str) -> None:
    if endpoint.startswith(UNIX):
        check_unix_path(at, endpoint)
        return
    host, colon, port = endpoint.rpartition(":")
    if not colon or host not in _LOOPBACKS:
        at.error(
            f"{endpoint!r} is no endpoint of this machine",
            "127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT or unix://PATH",
        )
    elif not is_number(port, 65535) or int(port) == 0:
        at.error(f"{port!r} is no port", "1 to 65535")


def _check_tls(at: Field, tls: ServerTls, listener: IngressListener) -> None:
    unsupported = {
        "subjectAltNames": tls.subject_alt_names,
        "httpsRedirect": tls.https_redirect,
        "credentialName": tls.credential_name,
        "credentialNames": tls.credential_names,
        "tlsCertificates": tls.tls_certificates,
    }
    for name in (name for name, value in unsupported.items() if value):
        (at / name).error(f"{name} is for gateways", "remove it")
    if tls.mode in ("ISTIO_MUTUAL", "AUTO_PASSTHROUGH"):
        (at / "mode").error(f"a sidecar has no mode {tls.mode}", "SIMPLE or MUTUAL")
    if not parse_protocol(listener.port.protocol).is_tls:
        at.error("the port's protocol is not of TLS", "use HTTPS or TLS, or remove tls")
    check_server_tls(at, tls)


def _check_egress(at: Field, sidecar: Sidecar, namespace: str) -> None:
    seen: set[int | str] = set()
    last = len(sidecar.egress) - 1
    for index, (place, listener) in enumerate(at.each(sidecar.egress)):
        if listener.port is None and index != last:
            place.error("the listener for all ports is the last one", "move it, or set port")
        elif listener.port is not None:
            _check_egress_port(place, listener, listener.port)
            address = listener.port.number or listener.bind
            if address in seen:
                (place / "port").error(f"two listeners are at {address}", "change one")
            seen.add(address)
        if not listener.hosts:
            (place / "hosts").error("the listener has no hosts", "as ./* or shop/*")
        for host_place, host in (place / "hosts").each(listener.hosts):
            check_namespaced_host(host_place, host, gateway=False)
        _check_doubles(place / "hosts", listener, namespace)


def _check_egress_port(at: Field, listener: EgressListener, port: Port) -> None:
    _check_port(at / "port", port)
    if port.number:
        check_port(at / "port" / "number", port.number)
        if listener.bind:
            check_address(at / "bind", listener.bind)
        return
    if not listener.bind.startswith(UNIX):
        (at / "bind").error("without a port the listener is at a socket", "unix://PATH")
    else:
        check_unix_path(at / "bind", listener.bind)
    if listener.capture_mode == "IPTABLES":
        (at / "captureMode").error("a Unix socket is not captured", "DEFAULT or NONE")


def _check_doubles(at: Field, listener: EgressListener, namespace: str) -> None:
    seen: dict[str, set[str]] = {}
    for place, host in at.each(listener.hosts):
        owner, slash, name = host.partition("/")
        if not slash or owner.startswith("~"):
            continue
        known = seen.setdefault(namespace if owner == "." else owner, set())
        if name in known or "*" in known or (name == "*" and known):
            place.warn(f"{host!r} is there already", "remove it")
        known.add(name)
    if "*" in seen.get("*", ()) and len(seen) > 1:
        at.warn("*/* is every host", "remove the others")


def _check_outbound(at: Field, policy: OutboundTrafficPolicy) -> None:
    proxy = policy.egress_proxy
    if proxy is None:
        return
    if policy.mode != "ALLOW_ANY":
        (at / "egressProxy").error(f"{policy.mode} uses no egressProxy", "set mode to ALLOW_ANY")
    elif proxy.port is None:
        (at / "egressProxy" / "port").error("the proxy has no port", "set number")
    elif check_domain(at / "egressProxy" / "host", proxy.host):
        check_destination(at / "egressProxy", proxy)
