"""`lateen capture`: redirects the traffic of a machine or network namespace through its sidecar."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from lateen.capture import iptables, nftables
from lateen.capture.apply import Backend, CaptureError, apply, clean
from lateen.capture.plan import Mode, Plan, PlanError
from lateen.capture.rules import Family


class Action(StrEnum):
    """What is to be done."""

    apply = "apply"
    clean = "clean"
    show = "show"


class Rules(StrEnum):
    """Who writes the rules."""

    iptables = "iptables"
    nftables = "nftables"


def run(
    action: Annotated[
        Action, typer.Argument(help="put rules in force, take them away, print them")
    ],
    rules: Annotated[Rules, typer.Option(help="what the rules are written for")] = Rules.iptables,
    proxy_port: Annotated[
        int, typer.Option("-p", "--proxy-port", help="of the sidecar, for what is sent")
    ] = Plan.proxy_port,
    inbound_capture_port: Annotated[
        int, typer.Option("-z", "--inbound-capture-port", help="the same, for what comes in")
    ] = Plan.inbound_capture_port,
    inbound_tunnel_port: Annotated[
        int, typer.Option("-e", "--inbound-tunnel-port", help="never captured")
    ] = Plan.inbound_tunnel_port,
    proxy_uid: Annotated[
        str, typer.Option("-u", "--proxy-uid", metavar="LIST", help="users the sidecar runs as")
    ] = ",".join(Plan.proxy_uid),
    proxy_gid: Annotated[
        str, typer.Option("-g", "--proxy-gid", metavar="LIST", help="groups the sidecar runs as")
    ] = ",".join(Plan.proxy_gid),
    inbound_interception_mode: Annotated[
        str, typer.Option("-m", "--inbound-interception-mode", help="REDIRECT or TPROXY")
    ] = Plan.inbound_interception_mode,
    inbound_ports: Annotated[
        str,
        typer.Option("-b", "--inbound-ports", metavar="LIST", help="captured; `*`: all"),
    ] = "",
    inbound_exclude_ports: Annotated[
        str, typer.Option("-d", "--inbound-exclude-ports", metavar="LIST", help="but for these")
    ] = "",
    outbound_ip_ranges: Annotated[
        str,
        typer.Option("-i", "--outbound-ip-ranges", metavar="LIST", help="captured; `*`: all"),
    ] = "",
    outbound_exclude_ip_ranges: Annotated[
        str,
        typer.Option("-x", "--outbound-exclude-ip-ranges", metavar="LIST", help="but for these"),
    ] = "",
    outbound_ports: Annotated[
        str,
        typer.Option("-q", "--outbound-ports", metavar="LIST", help="captured at any address"),
    ] = "",
    outbound_exclude_ports: Annotated[
        str, typer.Option("-o", "--outbound-exclude-ports", metavar="LIST", help="never captured")
    ] = "",
    owner_groups: Annotated[
        str, typer.Option(metavar="LIST", help="only what these groups send")
    ] = "",
    owner_groups_exclude: Annotated[
        str, typer.Option(metavar="LIST", help="not what these groups send")
    ] = "",
    virtual_interfaces: Annotated[
        str,
        typer.Option("-k", "--virtual-interfaces", metavar="LIST", help="of guests, also captured"),
    ] = "",
    exclude_interfaces: Annotated[
        str, typer.Option("-c", "--exclude-interfaces", metavar="LIST", help="left alone")
    ] = "",
    redirect_dns: Annotated[
        bool, typer.Option("--redirect-dns", help="DNS queries go to the sidecar")
    ] = False,
    capture_all_dns: Annotated[
        bool, typer.Option("--capture-all-dns", help="whatever server they are sent to")
    ] = False,
    dns_servers: Annotated[
        str,
        typer.Option(metavar="LIST", help="the servers; default: those of /etc/resolv.conf"),
    ] = "",
    drop_invalid: Annotated[
        bool, typer.Option("--drop-invalid", help="drop packets that fit no connection")
    ] = False,
    ipv6: Annotated[bool, typer.Option("--ipv6", help="rules for IPv6, too")] = False,
    tproxy_mark: Annotated[
        int, typer.Option("-t", "--tproxy-mark", help="of packets of captured connections")
    ] = Plan.tproxy_mark,
    tproxy_route_table: Annotated[
        int, typer.Option("-r", "--tproxy-route-table", help="for such packets")
    ] = Plan.tproxy_route_table,
) -> int:
    """Redirect traffic through a sidecar, take that away, or print the rules.

    LIST is separated by commas. `apply` replaces what an earlier one did; `show` needs no rights.
    """
    try:
        plan = Plan(
            proxy_port=proxy_port,
            inbound_capture_port=inbound_capture_port,
            inbound_tunnel_port=inbound_tunnel_port,
            proxy_uid=_listed(proxy_uid),
            proxy_gid=_listed(proxy_gid),
            inbound_interception_mode=_mode(inbound_interception_mode),
            inbound_ports=_listed(inbound_ports),
            inbound_exclude_ports=_listed(inbound_exclude_ports),
            outbound_ip_ranges=_listed(outbound_ip_ranges),
            outbound_exclude_ip_ranges=_listed(outbound_exclude_ip_ranges),
            outbound_ports=_listed(outbound_ports),
            outbound_exclude_ports=_listed(outbound_exclude_ports),
            owner_groups=_listed(owner_groups),
            owner_groups_exclude=_listed(owner_groups_exclude),
            virtual_interfaces=_listed(virtual_interfaces),
            exclude_interfaces=_listed(exclude_interfaces),
            redirect_dns=redirect_dns,
            capture_all_dns=capture_all_dns,
            dns_servers=_listed(dns_servers) or (resolvers() if redirect_dns else ()),
            drop_invalid=drop_invalid,
            ipv6=ipv6,
            tproxy_mark=tproxy_mark,
            tproxy_route_table=tproxy_route_table,
        )
        backends: dict[str, Backend] = {"iptables": "iptables", "nftables": "nftables"}
        _do(action, plan, backends[rules])
    except (PlanError, CaptureError) as error:
        print(f"lateen capture: {error}", file=sys.stderr)
        return 1
    return 0


def _do(action: Action, plan: Plan, backend: Backend) -> None:
    if action is Action.apply:
        apply(plan, backend)
    elif action is Action.clean:
        clean(plan, backend)
    else:
        print(shown(plan, backend), end="")


def shown(plan: Plan, backend: Backend) -> str:
    """The rules as `apply` gives them to the backend: IPv4 first."""
    texts = []
    for version in (4, 6) if plan.ipv6 else (4,):
        rules = Family(plan, version).rules()
        if backend == "nftables":
            texts.append(nftables.script(rules, version))
        else:
            texts.append(iptables.restore_text(rules))
    return "".join(texts)


def resolvers(path: str = "/etc/resolv.conf") -> tuple[str, ...]:
    """The servers that the machine asks; none when the file cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            words = [line.split() for line in file]
    except OSError:
        return ()
    return tuple(line[1] for line in words if len(line) > 1 and line[0] == "nameserver")


def _mode(text: str) -> Mode:
    modes: dict[str, Mode] = {"REDIRECT": "REDIRECT", "TPROXY": "TPROXY"}
    if text not in modes:
        raise PlanError(f"--inbound-interception-mode: {text!r} is none of {', '.join(modes)}")
    return modes[text]


def _listed(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(",") if one.strip())
