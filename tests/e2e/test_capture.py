"""`lateen capture`, in network namespaces: where connections end, and that nothing is left."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.namespaces import Namespace, namespace

LATEEN = Path(sys.executable).with_name("lateen")
CONNECT = str(Path(__file__).parents[1] / "support" / "captured.py")
APPLICATION, SIDECAR = 1000, 1337
ALL = ("--inbound-ports", "*", "--outbound-ip-ranges", "*", "--ipv6")
RULE_OF = {"ip": "-4", "ip6": "-6"}
RULES = pytest.mark.parametrize("rules", ["iptables", "nftables"])


@pytest.fixture
def place() -> Iterator[Namespace]:
    with namespace() as made:
        yield made
        capture(made, "clean")


def capture(place, action, *flags, rules="iptables", check=True):
    done = place.run(str(LATEEN), "capture", action, "--rules", rules, *flags, check=False)
    assert not check or (done.returncode, done.stderr) == (0, "")
    return done


def ends(place, *connections):
    """Where connections end: `listener's port, address, port`, or `-`."""
    lines = "".join(f"{user} {address} {port}\n" for user, address, port in connections)
    return place.run(sys.executable, CONNECT, text=lines).stdout.splitlines()


def ruleset(place):
    """Everything that `capture` changes: each chain's rules in their order, chains in any."""
    state = {}
    for command in ("iptables-save", "ip6tables-save"):
        table = ""
        for line in place.run(command).stdout.splitlines():
            if line.startswith("*"):
                table = line
            elif line.startswith((":ISTIO", "-A")):
                chain = line.removeprefix(":").removeprefix("-A ").split(" ")[0]
                rule = [line] if line.startswith("-A") else []
                state.setdefault((command, table, chain), []).extend(rule)
    for family in ("ip", "ip6"):
        state[family] = place.run("nft", "list", "table", family, "lateen", check=False).stdout
        state[family, "rule"] = place.run("ip", RULE_OF[family], "rule").stdout
        routes = place.run("ip", RULE_OF[family], "route", "show", "table", "133", check=False)
        state[family, "route"] = routes.stdout
    addresses = place.run("ip", "-brief", "-6", "addr", "show", "lo").stdout.split()
    return {**state, "addresses": sorted(addresses)}


@RULES
def test_what_the_application_sends_and_gets_goes_to_the_sidecar(place, rules):
    capture(place, "apply", *ALL, rules=rules)
    assert ends(
        place,
        (APPLICATION, "203.0.113.7", 80),
        (APPLICATION, "2001:db8::7", 443),
        (SIDECAR, "10.77.0.1", 8080),
        (SIDECAR, "fd77::1", 8080),
        (APPLICATION, "127.0.0.1", 8080),
        (SIDECAR, "127.0.0.1", 8080),
    ) == [
        "15001 203.0.113.7 80",
        "15001 2001:db8::7 443",
        "15006 10.77.0.1 8080",
        "15006 fd77::1 8080",
        "8080 127.0.0.1 8080",
        "8080 127.0.0.1 8080",
    ]


@RULES
def test_what_the_sidecar_sends_goes_out(place, rules):
    capture(place, "apply", *ALL, rules=rules)
    assert ends(place, (SIDECAR, "203.0.113.7", 80)) == ["-"]


@RULES
def test_exclusions(place, rules):
    flags = (
        "--outbound-ip-ranges",
        "*",
        "--outbound-exclude-ip-ranges",
        "203.0.113.0/24",
        "--outbound-exclude-ports",
        "25",
    )
    capture(place, "apply", *flags, rules=rules)
    assert ends(
        place,
        (APPLICATION, "203.0.113.7", 80),
        (APPLICATION, "198.51.100.7", 25),
        (APPLICATION, "198.51.100.7", 80),
    ) == ["-", "-", "15001 198.51.100.7 80"]


@RULES
def test_apply_twice_is_apply_once_and_another_plan_takes_its_place(place, rules):
    untouched = ruleset(place)
    tproxy = ("--inbound-ports", "8080", "-m", "TPROXY", "--redirect-dns", "--capture-all-dns")
    plans = (
        (*ALL, "--exclude-interfaces", "eth9", "--virtual-interfaces", "veth9", "--drop-invalid"),
        (*tproxy, "--ipv6", "--outbound-ip-ranges", "10.0.0.0/8,fd00::/8"),
        ("--outbound-ip-ranges", "*"),
    )
    alone = []
    for flags in plans:
        capture(place, "apply", *flags, rules=rules)
        alone.append(ruleset(place))
        capture(place, "apply", *flags, rules=rules)
        assert ruleset(place) == alone[-1]
        capture(place, "clean", rules=rules)
    for flags, expected in zip(plans, alone, strict=True):
        capture(place, "apply", *flags, rules=rules)
        assert ruleset(place) == expected
    capture(place, "clean", rules=rules)
    assert ruleset(place) == untouched


@RULES
def test_rules_of_others_stay(place, rules):
    place.run("iptables", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "--dport", "7", "-j", "ACCEPT")
    place.run("iptables", "-t", "nat", "-N", "MINE")
    capture(place, "apply", *ALL, rules=rules)
    capture(place, "clean", rules=rules)
    assert [
        line
        for line in place.run("iptables", "-t", "nat", "-S").stdout.splitlines()
        if not line.startswith("-P")
    ] == ["-N MINE", "-A OUTPUT -p tcp -m tcp --dport 7 -j ACCEPT"]


def test_the_other_backend_takes_over(place):
    capture(place, "apply", *ALL, rules="iptables")
    capture(place, "apply", *ALL, rules="nftables")
    assert "ISTIO" not in place.run("iptables-save").stdout
    assert ends(place, (APPLICATION, "203.0.113.7", 80)) == ["15001 203.0.113.7 80"]
    capture(place, "clean")
    assert "lateen" not in place.run("nft", "list", "ruleset").stdout


def test_tproxy_keeps_the_destination(place):
    capture(place, "apply", "--inbound-ports", "8080", "--inbound-interception-mode", "TPROXY")
    rules = place.run("ip", "rule").stdout
    assert "fwmark 0x539 lookup 133" in rules
    assert "local default dev lo" in place.run("ip", "route", "show", "table", "133").stdout
    assert ends(place, (SIDECAR, "10.77.0.1", 8080)) == ["15006 10.77.0.1 8080"]
    capture(place, "clean")
    assert "fwmark" not in place.run("ip", "rule").stdout


def test_a_mistake_is_one_line_and_changes_nothing(place):
    before = ruleset(place)
    done = capture(place, "apply", "--inbound-ports", "http", check=False)
    assert done.returncode == 1
    assert done.stderr == "lateen capture: --inbound-ports: 'http' is no port (1 to 65535)\n"
    done = capture(place, "apply", "--proxy-uid", "nobody-of-this-name", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("lateen capture: iptables-restore --noflush --wait: ")
    assert done.stderr.count("\n") == 1
    assert ruleset(place) == before


def test_show_prints_what_apply_gives_to_the_backend():
    argv = [str(LATEEN), "capture", "show", "--outbound-ip-ranges", "*", "--ipv6"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.count("-A ISTIO_OUTPUT -j ISTIO_REDIRECT\n") == 2
    assert done.stdout.count("COMMIT\n") == 2
