from lateen.capture.iptables import removal, restore_text
from lateen.capture.nftables import script
from lateen.capture.plan import Plan
from lateen.capture.rules import Family, Rule


def lines(plan, version=4):
    return restore_text(Family(plan, version).rules()).splitlines()


def test_everything_is_captured_but_what_the_sidecar_sends():
    text = lines(Plan(inbound_ports=("*",), outbound_ip_ranges=("*",)))
    assert text[0] == "* nat"
    assert "-A PREROUTING -p tcp -j ISTIO_INBOUND" in text
    assert text[-4:] == [
        "-A ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN",
        "-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN",
        "-A ISTIO_OUTPUT -j ISTIO_REDIRECT",
        "COMMIT",
    ]


def test_exclusions_come_before_what_they_exclude_from():
    text = lines(
        Plan(
            inbound_ports=("*",),
            inbound_exclude_ports=("15020",),
            outbound_ip_ranges=("*",),
            outbound_exclude_ip_ranges=("10.0.0.0/8",),
            outbound_exclude_ports=("22",),
            outbound_ports=("9000",),
        )
    )
    order = [
        "-A ISTIO_INBOUND -p tcp --dport 15020 -j RETURN",
        "-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT",
        "-A ISTIO_OUTPUT -p tcp --dport 22 -j RETURN",
        "-A ISTIO_OUTPUT -p udp --dport 22 -j RETURN",
        "-A ISTIO_OUTPUT -d 10.0.0.0/8 -j RETURN",
        "-A ISTIO_OUTPUT -p tcp --dport 9000 -j ISTIO_REDIRECT",
        "-A ISTIO_OUTPUT -j ISTIO_REDIRECT",
    ]
    assert [line for line in text if line in order] == order


def test_only_some_groups_or_all_but_some():
    assert "-A ISTIO_OUTPUT -m owner ! --gid-owner 5 -m owner ! --gid-owner 6 -j RETURN" in lines(
        Plan(owner_groups=("5", "6"))
    )
    excluded = lines(Plan(owner_groups_exclude=("5", "6")))
    assert "-A ISTIO_OUTPUT -m owner --gid-owner 5 -j RETURN" in excluded
    assert "-A ISTIO_OUTPUT -m owner --gid-owner 6 -j RETURN" in excluded


def test_a_loopback_address_that_is_captured_is_not_returned_before():
    text = lines(Plan(outbound_ip_ranges=("127.0.0.0/8",)))
    assert not any(line.startswith("-A ISTIO_OUTPUT -o lo -m owner !") for line in text)


def test_dns_of_either_family_goes_to_the_sidecar():
    plan = Plan(redirect_dns=True, dns_servers=("10.0.0.10", "fd00::a"), ipv6=True)
    four, six = lines(plan, 4), lines(plan, 6)
    assert (
        "-A ISTIO_OUTPUT_DNS -p udp --dport 53 -d 10.0.0.10/32 -j REDIRECT --to-port 15053" in four
    )
    assert "-A ISTIO_OUTPUT_DNS -p udp --dport 53 -d fd00::a/128 -j REDIRECT --to-port 15053" in six
    assert not any("fd00" in line for line in four)


def test_all_dns_is_captured_without_an_address():
    text = lines(Plan(redirect_dns=True, capture_all_dns=True))
    assert "-A ISTIO_OUTPUT_DNS -p tcp --dport 53 -j REDIRECT --to-ports 15053" in text
    assert "-A ISTIO_INBOUND -p udp --sport 53 -j CT --zone 1" in text


def test_invalid_packets_are_dropped_where_that_is_wanted():
    text = lines(Plan(drop_invalid=True))
    assert "-A PREROUTING -m conntrack --ctstate INVALID -j ISTIO_DROP" in text
    assert "-A ISTIO_DROP -j DROP" in text


SAVED = """\
*nat
:PREROUTING ACCEPT [0:0]
:ISTIO_INBOUND - [0:0]
:OTHER - [0:0]
-A PREROUTING -p tcp -j ISTIO_INBOUND
COMMIT
*raw
:ISTIO_OUTPUT_DNS - [0:0]
COMMIT
"""


def test_removal_takes_jumps_before_chains_and_leaves_those_of_others():
    jump = Rule("nat", "PREROUTING", ("-p", "tcp", "-j", "ISTIO_INBOUND"))
    assert removal(SAVED, [jump]) == [
        "nat -D PREROUTING -p tcp -j ISTIO_INBOUND",
        "nat -F ISTIO_INBOUND",
        "raw -F ISTIO_OUTPUT_DNS",
        "nat -X ISTIO_INBOUND",
        "raw -X ISTIO_OUTPUT_DNS",
    ]


def test_what_is_removed_and_made_is_one_transaction_of_each_table():
    jump = Rule("nat", "OUTPUT", ("-j", "ISTIO_OUTPUT"))
    assert restore_text([jump], removal(SAVED, [])).splitlines() == [
        "* nat",
        "-F ISTIO_INBOUND",
        "-X ISTIO_INBOUND",
        "-N ISTIO_OUTPUT",
        "-A OUTPUT -j ISTIO_OUTPUT",
        "COMMIT",
        "* raw",
        "-F ISTIO_OUTPUT_DNS",
        "-X ISTIO_OUTPUT_DNS",
        "COMMIT",
    ]


def test_nftables_get_the_same_rules_in_the_order_that_insertions_make():
    plan = Plan(inbound_ports=("80",), inbound_interception_mode="TPROXY")
    text = script(Family(plan, 4).rules(), 4)
    start = text.index("chain mangle_istio_inbound {")
    chain = [line.strip() for line in text[start : text.index("}", start)].splitlines()]
    assert chain[1:] == [
        "meta l4proto tcp meta mark 1337 return",
        "meta l4proto tcp ip saddr 127.0.0.6/32 iifname lo return",
        "meta l4proto tcp iifname lo meta mark != 1338 return",
        "meta l4proto tcp tcp dport 80 ct state related,established jump mangle_istio_divert",
        "meta l4proto tcp tcp dport 80 jump mangle_istio_tproxy",
        "",
    ]
    assert text.startswith("add table ip lateen\ndelete table ip lateen\ntable ip lateen {\n")
    assert "tproxy to :15006 meta mark set 1337 accept" in text


def test_nftables_define_chains_before_they_are_jumped_to():
    text = script(Family(Plan(inbound_ports=("*",), outbound_ip_ranges=("*",)), 6).rules(), 6)
    names = [line.split()[1] for line in text.splitlines() if line.strip().startswith("chain ")]
    for index, name in enumerate(names):
        body = text[text.index(f"chain {name} {{") :]
        body = body[: body.index("}")]
        for later in names[index:]:
            assert f"jump {later}\n" not in body
