"""What is captured: which traffic goes through the sidecar, and which does not.

Source: Istio's `istio-iptables` (tools/istio-iptables, tools/common/config), whose names and
defaults these are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal

Mode = Literal["REDIRECT", "TPROXY"]
EVERYTHING = "*"
# IFNAMSIZ less the end.
_INTERFACE_LENGTH = 15


class PlanError(ValueError):
    """A value makes no sense; the message names it and what it may be."""


@dataclass(frozen=True)
class Plan:
    """What is captured.

    Attributes:
        proxy_port: where the sidecar takes what the application sends.
        inbound_capture_port: where it takes what others send.
        inbound_tunnel_port: of the sidecar itself, never captured (HBONE).
        proxy_uid: whose traffic is not captured, because it is the sidecar's.
        proxy_gid: the same, by group.
        inbound_interception_mode: REDIRECT changes the destination; TPROXY keeps both addresses.
        inbound_ports: what others send to these is captured; `*`: all, none: nothing.
        inbound_exclude_ports: but for these.
        outbound_ip_ranges: what is sent there is captured; `*`: all, none: nothing.
        outbound_exclude_ip_ranges: but for these.
        outbound_ports: captured whatever the address.
        outbound_exclude_ports: never captured.
        owner_groups: only what these groups send is captured; none: of all.
        owner_groups_exclude: what these groups send is not.
        virtual_interfaces: what comes from there goes outside: virtual machines, containers.
        exclude_interfaces: whose traffic is left alone.
        redirect_dns: queries go to the sidecar, too.
        capture_all_dns: to whatever server; else those that are sent to `dns_servers`.
        dns_servers: addresses, of both families.
        drop_invalid: packets out of the window of their connection are dropped, not answered.
        ipv6: rules for IPv6, too.
        loopback: addresses that mean the application itself.
        tproxy_mark: marks packets of captured connections (TPROXY).
        tproxy_route_table: of the routes for marked packets (TPROXY).
    """

    proxy_port: int = 15001
    inbound_capture_port: int = 15006
    inbound_tunnel_port: int = 15008
    proxy_uid: tuple[str, ...] = ("1337",)
    proxy_gid: tuple[str, ...] = ("1337",)
    inbound_interception_mode: Mode = "REDIRECT"
    inbound_ports: tuple[str, ...] = ()
    inbound_exclude_ports: tuple[str, ...] = ()
    outbound_ip_ranges: tuple[str, ...] = ()
    outbound_exclude_ip_ranges: tuple[str, ...] = ()
    outbound_ports: tuple[str, ...] = ()
    outbound_exclude_ports: tuple[str, ...] = ()
    owner_groups: tuple[str, ...] = ()
    owner_groups_exclude: tuple[str, ...] = ()
    virtual_interfaces: tuple[str, ...] = ()
    exclude_interfaces: tuple[str, ...] = ()
    redirect_dns: bool = False
    capture_all_dns: bool = False
    dns_servers: tuple[str, ...] = ()
    drop_invalid: bool = False
    ipv6: bool = False
    loopback: str = "127.0.0.1/32"
    tproxy_mark: int = 1337
    tproxy_route_table: int = 133

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            PlanError: one makes no sense.
        """
        _check_ports(self)
        _check_addresses(self)
        _check_names(self)

    @property
    def is_tproxy(self) -> bool:
        """Whether TPROXY takes inbound connections."""
        return self.inbound_interception_mode == "TPROXY"

    @property
    def captures_dns(self) -> bool:
        """Whether queries go to the sidecar: it must be known which."""
        return self.redirect_dns and (self.capture_all_dns or bool(self.dns_servers))

    @property
    def captures_loopback(self) -> bool:
        """Whether an address of the loopback is among those that are captured."""
        every = (ip_network(one, strict=False) for one in self._ranges(self.outbound_ip_ranges))
        return any(network.is_loopback for network in every)

    def ranges(self, written: tuple[str, ...], version: Literal[4, 6]) -> list[str]:
        """The ranges of one family."""
        networks = (ip_network(one, strict=False) for one in self._ranges(written))
        return [str(network) for network in networks if network.version == version]

    def servers(self, version: Literal[4, 6]) -> list[str]:
        """The DNS servers of one family, as ranges of one address."""
        return self.ranges(self.dns_servers, version)

    @staticmethod
    def _ranges(written: tuple[str, ...]) -> Iterator[str]:
        return (one for one in written if one != EVERYTHING)


def _check_ports(plan: Plan) -> None:
    for name in ("proxy_port", "inbound_capture_port", "inbound_tunnel_port"):
        _port(name, str(getattr(plan, name)))
    for name in _named("_ports"):
        ports: tuple[str, ...] = getattr(plan, name)
        if EVERYTHING in ports and (name != "inbound_ports" or len(ports) > 1):
            raise PlanError(f"{_flag(name)}: `*` stands alone, and for inbound ports only")
        for port in ports:
            if port != EVERYTHING:
                _port(name, port)
    for name, value in (
        ("tproxy_mark", plan.tproxy_mark),
        ("tproxy_route_table", plan.tproxy_route_table),
    ):
        if not 0 < value < 2**32:
            raise PlanError(f"{_flag(name)}: {value} is not between 1 and 4294967295")


def _port(name: str, text: str) -> None:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 65535):
        raise PlanError(f"{_flag(name)}: {text!r} is no port (1 to 65535)")


def _check_addresses(plan: Plan) -> None:
    for name in _named("_ip_ranges"):
        ranges: tuple[str, ...] = getattr(plan, name)
        if EVERYTHING in ranges and (name != "outbound_ip_ranges" or len(ranges) > 1):
            raise PlanError(f"{_flag(name)}: `*` stands alone, and for what is captured only")
        for one in ranges:
            if one != EVERYTHING:
                _network(name, one)
    for server in plan.dns_servers:
        try:
            ip_address(server)
        except ValueError:
            raise PlanError(f"--dns-servers: {server!r} is no IP address") from None
    if _network("loopback", plan.loopback).version != 4:
        raise PlanError(f"--loopback: {plan.loopback!r} is not of IPv4")


def _network(name: str, text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise PlanError(f"{_flag(name)}: {text!r} is no IP address or CIDR range") from None


def _check_names(plan: Plan) -> None:
    if plan.owner_groups and plan.owner_groups_exclude:
        raise PlanError("--owner-groups and --owner-groups-exclude exclude each other")
    for name in _named("_interfaces"):
        for interface in getattr(plan, name):
            if not interface.isprintable() or not 0 < len(interface) <= _INTERFACE_LENGTH:
                raise PlanError(f"{_flag(name)}: {interface!r} is no name of an interface")
            if any(letter in interface for letter in " /\"'!"):
                raise PlanError(f"{_flag(name)}: {interface!r} is no name of an interface")
    for name in ("proxy_uid", "proxy_gid", "owner_groups", "owner_groups_exclude"):
        for owner in getattr(plan, name):
            if not owner.replace("-", "").replace("_", "").isalnum():
                raise PlanError(f"{_flag(name)}: {owner!r} is no user or group")


def _named(end: str) -> list[str]:
    return [one.name for one in fields(Plan) if one.name.endswith(end)]


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
