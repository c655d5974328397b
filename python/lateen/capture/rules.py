"""The rules of a plan, in the order in which packets must meet them.

Source: Istio's tools/istio-iptables/pkg/capture/run.go; the chains have Istio's names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lateen.capture.plan import EVERYTHING, Plan

Version = Literal[4, 6]
#: Where inbound connections of the application come from, when the sidecar passes them on.
PASSTHROUGH: dict[Version, str] = {4: "127.0.0.6/32", 6: "::6/128"}
DNS_PORT = "53"
SIDECAR_DNS_PORT = "15053"
OUTBOUND_MARK = "1338"


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        table: `nat`, `mangle` or `raw`.
        chain: that it is in.
        words: the rest, as iptables takes it.
        position: where it is inserted; 0: at the end.
    """

    table: str
    chain: str
    words: tuple[str, ...]
    position: int = 0

    @property
    def target(self) -> str:
        """Where it jumps to when nothing follows; else empty."""
        return self.words[-1] if self.words[-2:-1] == ("-j",) else ""


@dataclass(frozen=True)
class Family:
    """A plan for one version of IP."""

    plan: Plan
    version: Version

    @property
    def loopback(self) -> str:
        """Addresses that mean the application itself."""
        return self.plan.loopback if self.version == 4 else "::1/128"

    def rules(self) -> list[Rule]:
        """All rules."""
        return [
            *self._left_alone(),
            *self._chains(),
            *self._inbound(),
            *self._outbound(),
            *(self._transparent() if self.plan.is_tproxy else ()),
        ]

    def _left_alone(self) -> Iterator[Rule]:
        for table in ("nat", "mangle") if self.plan.is_tproxy else ("nat",):
            for interface in self.plan.exclude_interfaces:
                yield _rule(table, "PREROUTING", f"-i {interface} -j RETURN")
                yield _rule(table, "OUTPUT", f"-o {interface} -j RETURN")
        for interface in self.plan.virtual_interfaces:
            yield _rule("nat", "PREROUTING", f"-i {interface} -j RETURN", 1)
        if self.plan.drop_invalid:
            invalid = "-m conntrack --ctstate INVALID -j ISTIO_DROP"
            yield _rule("mangle", "PREROUTING", invalid)
            yield _rule("mangle", "ISTIO_DROP", "-j DROP")

    def _chains(self) -> Iterator[Rule]:
        plan = self.plan
        tunnel = f"-p tcp --dport {plan.inbound_tunnel_port} -j RETURN"
        yield _rule("nat", "ISTIO_INBOUND", tunnel)
        for chain, port in (
            ("ISTIO_REDIRECT", plan.proxy_port),
            ("ISTIO_IN_REDIRECT", plan.inbound_capture_port),
        ):
            yield _rule("nat", chain, f"-p tcp -j REDIRECT --to-ports {port}")

    def _inbound(self) -> Iterator[Rule]:
        plan = self.plan
        if not plan.inbound_ports:
            return
        table = "mangle" if plan.is_tproxy else "nat"
        if plan.is_tproxy:
            yield from self._diverted()
        yield _rule(table, "PREROUTING", "-p tcp -j ISTIO_INBOUND")
        if plan.inbound_ports == (EVERYTHING,):
            for port in plan.inbound_exclude_ports:
                yield _rule(table, "ISTIO_INBOUND", f"-p tcp --dport {port} -j RETURN")
            captured = ["-p tcp"]
        else:
            captured = [f"-p tcp --dport {port}" for port in plan.inbound_ports]
        for connections in captured:
            if plan.is_tproxy:
                known = "-m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT"
                yield _rule(table, "ISTIO_INBOUND", f"{connections} {known}")
                yield _rule(table, "ISTIO_INBOUND", f"{connections} -j ISTIO_TPROXY")
            else:
                yield _rule(table, "ISTIO_INBOUND", f"{connections} -j ISTIO_IN_REDIRECT")

    def _diverted(self) -> Iterator[Rule]:
        mark = self.plan.tproxy_mark
        yield _rule("mangle", "ISTIO_DIVERT", f"-j MARK --set-mark {mark}")
        yield _rule("mangle", "ISTIO_DIVERT", "-j ACCEPT")
        port = self.plan.inbound_capture_port
        to_sidecar = f"-j TPROXY --tproxy-mark {mark}/0xffffffff --on-port {port}"
        yield _rule("mangle", "ISTIO_TPROXY", f"! -d {self.loopback} -p tcp {to_sidecar}")

    def _outbound(self) -> Iterator[Rule]:
        plan = self.plan
        yield _rule("nat", "OUTPUT", "-j ISTIO_OUTPUT")
        for port in plan.outbound_exclude_ports:
            for protocol in ("tcp", "udp"):
                yield _out(f"-p {protocol} --dport {port} -j RETURN")
        yield _out(f"-o lo -s {PASSTHROUGH[self.version]} -j RETURN")
        for uid in plan.proxy_uid:
            yield from self._of_sidecar(f"--uid-owner {uid}", plan.captures_dns)
        for gid in plan.proxy_gid:
            yield from self._of_sidecar(f"--gid-owner {gid}", False)
        yield from self._of_groups()
        if plan.captures_dns:
            yield from DnsRules(self).rules()
        yield _out(f"-d {self.loopback} -j RETURN")
        for excluded in plan.ranges(plan.outbound_exclude_ip_ranges, self.version):
            yield _out(f"-d {excluded} -j RETURN")
        for port in plan.outbound_ports:
            yield _out(f"-p tcp --dport {port} -j ISTIO_REDIRECT")
        yield from self._included()

    def _of_sidecar(self, owner: str, not_dns: bool) -> Iterator[Rule]:
        """What the sidecar sends: to the application by its own name, it comes in again.

        The application's queries over the loopback are captured where DNS is.
        """
        plan = self.plan
        tunnel = plan.inbound_tunnel_port
        ports = f"! --dport {tunnel}"
        if not_dns:
            ports = f"-m multiport ! --dports {DNS_PORT},{tunnel}"
        itself = f"-o lo ! -d {self.loopback} -p tcp {ports} -m owner {owner}"
        yield _out(f"{itself} -j ISTIO_IN_REDIRECT")
        if not plan.captures_loopback:
            queries = f" -p tcp ! --dport {DNS_PORT}" if plan.captures_dns else ""
            yield _out(f"-o lo{queries} -m owner ! {owner} -j RETURN")
        yield _out(f"-m owner {owner} -j RETURN")

    def _of_groups(self) -> Iterator[Rule]:
        for group in self.plan.owner_groups_exclude:
            yield _out(f"-m owner --gid-owner {group} -j RETURN")
        if self.plan.owner_groups:
            none = (f"-m owner ! --gid-owner {group}" for group in self.plan.owner_groups)
            yield _out(f"{' '.join(none)} -j RETURN")

    def _included(self) -> Iterator[Rule]:
        plan = self.plan
        if plan.outbound_ip_ranges == (EVERYTHING,):
            yield _out("-j ISTIO_REDIRECT")
            for interface in plan.virtual_interfaces:
                yield _rule("nat", "PREROUTING", f"-i {interface} -j ISTIO_REDIRECT", 1)
            return
        for included in plan.ranges(plan.outbound_ip_ranges, self.version):
            for interface in plan.virtual_interfaces:
                there = f"-i {interface} -d {included} -j ISTIO_REDIRECT"
                yield _rule("nat", "PREROUTING", there, 1)
            yield _out(f"-d {included} -j ISTIO_REDIRECT")

    def _transparent(self) -> Iterator[Rule]:
        """Marks that tell packets of the sidecar from those that it is to get."""
        mark = self.plan.tproxy_mark
        here = PASSTHROUGH[self.version]
        yield _rule("mangle", "PREROUTING", f"-p tcp -m mark --mark {mark} -j CONNMARK --save-mark")
        yield _rule("mangle", "OUTPUT", f"-p tcp -o lo -m mark --mark {mark} -j RETURN")
        owners = [f"--uid-owner {uid}" for uid in self.plan.proxy_uid]
        owners += [f"--gid-owner {gid}" for gid in self.plan.proxy_gid]
        for owner in owners:
            marked = f"-m owner {owner} -j MARK --set-mark {OUTBOUND_MARK}"
            yield _rule("mangle", "OUTPUT", f"! -d {self.loopback} -p tcp -o lo {marked}")
        restored = f"-p tcp -m connmark --mark {mark} -j CONNMARK --restore-mark"
        yield _rule("mangle", "OUTPUT", restored)
        for position, words in enumerate(
            (
                f"-p tcp -m mark --mark {mark} -j RETURN",
                f"-p tcp -s {here} -i lo -j RETURN",
                f"-p tcp -i lo -m mark ! --mark {OUTBOUND_MARK} -j RETURN",
            ),
            start=1,
        ):
            yield _rule("mangle", "ISTIO_INBOUND", words, position)


@dataclass(frozen=True)
class DnsRules:
    """Queries go to the sidecar; what it asks itself is kept apart in connection tracking."""

    family: Family

    def rules(self) -> Iterator[Rule]:
        """All rules about DNS."""
        destinations = self._each("-d")
        yield _rule("raw", "OUTPUT", "-j ISTIO_OUTPUT_DNS")
        if destinations:
            yield _out("-j ISTIO_OUTPUT_DNS")
        for protocol, to in (("tcp", "--to-ports"), ("udp", "--to-port")):
            for where in destinations:
                query = f"-p {protocol} --dport {DNS_PORT}{where}"
                redirected = f"{query} -j REDIRECT {to} {SIDECAR_DNS_PORT}"
                yield _rule("nat", "ISTIO_OUTPUT_DNS", redirected)
        yield from self._of_sidecar()
        if destinations:
            yield _rule("raw", "PREROUTING", "-j ISTIO_INBOUND")
        for query, answer in zip(destinations, self._each("-s"), strict=True):
            asked = f"-p udp --dport {DNS_PORT}{query} -j CT --zone 2"
            yield _rule("raw", "ISTIO_OUTPUT_DNS", asked)
            answered = f"-p udp --sport {DNS_PORT}{answer} -j CT --zone 1"
            yield _rule("raw", "ISTIO_INBOUND", answered)

    def _of_sidecar(self) -> Iterator[Rule]:
        plan = self.family.plan
        owners = [f"--uid-owner {uid}" for uid in plan.proxy_uid]
        owners += [f"--gid-owner {gid}" for gid in plan.proxy_gid]
        for owner in owners:
            asks = f"-p udp --dport {DNS_PORT} -m owner {owner} -j CT --zone 1"
            answers = f"-p udp --sport {SIDECAR_DNS_PORT} -m owner {owner} -j CT --zone 2"
            yield _rule("raw", "ISTIO_OUTPUT_DNS", asks)
            yield _rule("raw", "ISTIO_OUTPUT_DNS", answers)

    def _each(self, side: str) -> list[str]:
        """The match of each server's address; one that matches any where all are captured."""
        plan = self.family.plan
        if plan.capture_all_dns:
            return [""]
        return [f" {side} {server}" for server in plan.servers(self.family.version)]


def _rule(table: str, chain: str, words: str, position: int = 0) -> Rule:
    return Rule(table, chain, tuple(words.split(" ")), position)


def _out(words: str) -> Rule:
    return _rule("nat", "ISTIO_OUTPUT", words)
