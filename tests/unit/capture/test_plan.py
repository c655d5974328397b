import pytest

from lateen.capture.plan import Plan, PlanError


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"inbound_ports": ("80", "x")}, "--inbound-ports: 'x' is no port (1 to 65535)"),
        ({"inbound_ports": ("0",)}, "--inbound-ports: '0' is no port (1 to 65535)"),
        ({"outbound_ports": ("65536",)}, "--outbound-ports: '65536' is no port (1 to 65535)"),
        ({"proxy_port": -1}, "--proxy-port: '-1' is no port (1 to 65535)"),
        (
            {"inbound_ports": ("*", "80")},
            "--inbound-ports: `*` stands alone, and for inbound ports only",
        ),
        (
            {"outbound_exclude_ports": ("*",)},
            "--outbound-exclude-ports: `*` stands alone, and for inbound ports only",
        ),
        (
            {"outbound_ip_ranges": ("10.0.0.0/33",)},
            "--outbound-ip-ranges: '10.0.0.0/33' is no IP address or CIDR range",
        ),
        (
            {"outbound_exclude_ip_ranges": ("*",)},
            "--outbound-exclude-ip-ranges: `*` stands alone, and for what is captured only",
        ),
        ({"dns_servers": ("dns",)}, "--dns-servers: 'dns' is no IP address"),
        ({"loopback": "::1"}, "--loopback: '::1' is not of IPv4"),
        (
            {"exclude_interfaces": ("a b",)},
            "--exclude-interfaces: 'a b' is no name of an interface",
        ),
        (
            {"virtual_interfaces": ("x" * 16,)},
            f"--virtual-interfaces: '{'x' * 16}' is no name of an interface",
        ),
        ({"proxy_uid": ("a;b",)}, "--proxy-uid: 'a;b' is no user or group"),
        (
            {"owner_groups": ("a",), "owner_groups_exclude": ("b",)},
            "--owner-groups and --owner-groups-exclude exclude each other",
        ),
        ({"tproxy_mark": 0}, "--tproxy-mark: 0 is not between 1 and 4294967295"),
    ],
)
def test_what_makes_no_sense_is_refused(values, message):
    with pytest.raises(PlanError) as caught:
        Plan(**values)
    assert str(caught.value) == message


def test_ranges_are_told_by_family():
    plan = Plan(outbound_ip_ranges=("10.0.0.1/8", "fd00::/8", "192.0.2.1"))
    assert plan.ranges(plan.outbound_ip_ranges, 4) == ["10.0.0.0/8", "192.0.2.1/32"]
    assert plan.ranges(plan.outbound_ip_ranges, 6) == ["fd00::/8"]
    assert not plan.captures_loopback
    assert Plan(outbound_ip_ranges=("127.0.0.0/8",)).captures_loopback


def test_dns_is_captured_when_it_is_known_which():
    assert not Plan(redirect_dns=True).captures_dns
    assert Plan(redirect_dns=True, capture_all_dns=True).captures_dns
    assert Plan(redirect_dns=True, dns_servers=("10.0.0.10",)).captures_dns
    assert not Plan(dns_servers=("10.0.0.10",)).captures_dns
