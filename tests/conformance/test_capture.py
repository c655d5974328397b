"""Rules that redirect traffic: Istio's own cases, line by line."""

import json

from lateen.capture.iptables import restore_text
from lateen.capture.plan import Plan
from lateen.capture.rules import Family
from tests.support.corpus import istio_corpus

# Istio's names of what a plan holds; the rest are switches of its tests.
LISTS = {
    "InboundPortsInclude": "inbound_ports",
    "InboundPortsExclude": "inbound_exclude_ports",
    "OutboundIPRangesInclude": "outbound_ip_ranges",
    "OutboundIPRangesExclude": "outbound_exclude_ip_ranges",
    "OutboundPortsInclude": "outbound_ports",
    "OutboundPortsExclude": "outbound_exclude_ports",
    "RerouteVirtualInterfaces": "virtual_interfaces",
    "ExcludeInterfaces": "exclude_interfaces",
    "OwnerGroupsInclude": "owner_groups",
    "OwnerGroupsExclude": "owner_groups_exclude",
    "ProxyUID": "proxy_uid",
    "ProxyGID": "proxy_gid",
}
VALUES = {
    "InboundInterceptionMode": "inbound_interception_mode",
    "RedirectDNS": "redirect_dns",
    "CaptureAllDNS": "capture_all_dns",
    "DropInvalid": "drop_invalid",
    "EnableIPv6": "ipv6",
    "HostIPv4LoopbackCidr": "loopback",
}


def plan_of(config):
    values = {ours: config[name] for name, ours in VALUES.items() if name in config}
    for name, ours in LISTS.items():
        if name in config:
            values[ours] = tuple(config[name].split(","))
    servers = (*config.get("DNSServersV4", ()), *config.get("DNSServersV6", ()))
    return Plan(**values, dns_servers=servers)


def rules_of(plan):
    versions = (4, 6) if plan.ipv6 else (4,)
    return "".join(restore_text(Family(plan, version).rules()) for version in versions)


def test_rules_are_those_of_istio_line_by_line():
    folder = istio_corpus("iptables")
    cases = json.loads((folder / "cases.json").read_text())
    wrong = []
    for case in cases:
        lines = (folder / f"{case['name']}.golden").read_text().splitlines(keepends=True)
        wanted = "".join(line for line in lines if "tables-save" not in line)
        if rules_of(plan_of(case["config"])) != wanted:
            wrong.append(case["name"])
    print(f"conformance: capture {len(cases) - len(wrong)} of {len(cases)}")
    assert cases
    assert wrong == []
