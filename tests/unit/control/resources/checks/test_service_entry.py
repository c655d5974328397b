import pytest

from tests.support.manifests import checked

WEB = "ports: [{number: 80, name: web, protocol: HTTP}]"
TCP = "ports: [{number: 90, name: db, protocol: TCP}]"


def found(spec, metadata=""):
    return checked("ServiceEntry", f"{{{spec}}}", metadata)


@pytest.mark.parametrize(
    "spec",
    [
        "hosts: [a.com], exportTo: ['~']",
        "hosts: [a.com], addresses: [1.2.3.4, '001:db8::', 10.0.0.0/8]",
        f"hosts: [a.com, b.com], {WEB}, resolution: DNS",
        f"hosts: [a.com], {WEB}, resolution: STATIC, endpoints: [{{address: 1.2.3.4, "
        f"ports: {{web: 8}}}}]",
        f"hosts: [a.com], {WEB}, resolution: STATIC, endpoints: [{{address: 'unix:///x'}}]",
        "hosts: ['*.a.com'], resolution: DNS, endpoints: [{address: b.a.com}]",
        f"hosts: ['*.a.com'], {WEB}, resolution: DYNAMIC_DNS",
        f"hosts: [a.com], {TCP}, resolution: DNS",
    ],
)
def test_what_is_right(spec):
    assert found(spec) == []


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("", ["error spec"]),
        ("hosts: []", ["error spec.hosts"]),
        ("hosts: ['*']", ["error spec.hosts[0]"]),
        ("hosts: [a_b]", ["error spec.hosts[0]"]),
        ("hosts: ['*x']", ["warning spec.hosts[0]"]),
        ("hosts: [a.com], workloadSelector: {}", ["warning spec.workloadSelector"] * 2),
        (
            "hosts: [a.com], resolution: STATIC, workloadSelector: {labels: {a: '*'}}",
            ["error spec.workloadSelector.labels.a"],
        ),
        (
            "hosts: [a.com], resolution: STATIC, workloadSelector: {labels: {a: b}}, endpoints: []",
            ["error spec"],
        ),
        ("hosts: [a.com], addresses: [x]", ["error spec.addresses[0]"]),
        ("hosts: [a.com], addresses: [1.2.3.4/99]", ["error spec.addresses[0]"]),
        ("hosts: [a.com], addresses: [1.2.0.0/16], resolution: DNS", ["error spec.addresses[0]"]),
        ("hosts: [a.com], endpoints: []", ["error spec.endpoints"]),
        ("hosts: [a.com], resolution: X", ["error spec.resolution"]),
        (
            "hosts: [a.com], ports: [{number: 1, name: a, protocol: HTTP}, "
            "{number: 1, name: a, protocol: HTTP}]",
            ["error spec.ports[1].name", "error spec.ports[1].number"],
        ),
        (
            "hosts: [a.com], ports: [{number: 0, name: a, protocol: HTTP}]",
            ["error spec.ports[0].number"],
        ),
        (
            "hosts: [a.com], ports: [{number: 1, name: a_b, protocol: HTTP}]",
            ["error spec.ports[0].name"],
        ),
        (
            "hosts: [a.com], ports: [{number: 1, name: a, protocol: X}]",
            ["error spec.ports[0].protocol"],
        ),
        (
            "hosts: [a.com], ports: [{number: 1, name: a, protocol: HTTP, targetPort: 0}]",
            ["error spec.ports[0].targetPort"],
        ),
        (f"hosts: [a.com], {TCP}", ["warning spec.ports[0]"]),
        (
            f"hosts: [a.com], {WEB}, resolution: STATIC, endpoints: [{{address: a.com}}]",
            ["error spec.endpoints[0].address"],
        ),
        (
            f"hosts: [a.com], {WEB}, resolution: STATIC, "
            f"endpoints: [{{address: 1.2.3.4, ports: {{x: 1}}}}]",
            ["error spec.endpoints[0].ports.x"],
        ),
        (
            "hosts: [a.com], resolution: STATIC, endpoints: [{address: 'unix:///x'}]",
            ["error spec.endpoints[0]"],
        ),
        (
            f"hosts: [a.com], {WEB}, resolution: STATIC, "
            f"endpoints: [{{address: 'unix:///x', ports: {{web: 1}}}}]",
            ["error spec.endpoints[0].ports"],
        ),
        (
            "hosts: [a.com], resolution: DNS, endpoints: [{address: 'unix:///x'}]",
            ["error spec.endpoints[0].address"],
        ),
        (
            "hosts: [a.com], resolution: DNS, endpoints: [{address: a.com, labels: {a: '!'}}]",
            ["error spec.endpoints[0].labels.a"],
        ),
        (
            "hosts: [a.com], resolution: DNS, endpoints: [{network: a}]",
            ["error spec.endpoints[0].address"],
        ),
        ("hosts: ['*.a.com'], resolution: DNS", ["error spec.hosts"]),
        (
            "hosts: [a.com], resolution: DNS_ROUND_ROBIN, "
            "endpoints: [{address: a.com}, {address: b.com}]",
            ["error spec.endpoints"],
        ),
        (
            "hosts: [a.com, b.com], addresses: [1.2.3.4], resolution: DNS, "
            "ports: [{number: 443, name: a, protocol: TLS}]",
            ["warning spec.hosts"],
        ),
        (f"hosts: [a.com], {WEB}, resolution: DYNAMIC_DNS", ["error spec.hosts[0]"]),
        (
            f"hosts: ['*.a.com'], {WEB}, resolution: DYNAMIC_DNS, addresses: [1.2.3.4], "
            "endpoints: [{address: 1.2.3.4}]",
            ["error spec.addresses", "error spec.endpoints"],
        ),
        (
            f"hosts: ['*.a.com'], {TCP}, resolution: DYNAMIC_DNS",
            ["error spec.ports[0].protocol"],
        ),
        (f"hosts: [a.com, b.com], {TCP}, resolution: STATIC", ["error spec.ports[0]"]),
        ("hosts: [a.com], exportTo: ['~', x]", ["error spec.exportTo"]),
    ],
)
def test_what_is_wrong(spec, expected):
    assert found(spec) == expected


def test_a_service_in_the_mesh_with_a_waypoint_is_not_resolved_by_its_requests():
    spec = f"hosts: ['*.a.com'], {WEB}, resolution: DYNAMIC_DNS, location: MESH_INTERNAL"
    assert found(spec) == []
    assert found(spec, ", labels: {istio.io/use-waypoint: none}") == []
    assert found(spec, ", labels: {istio.io/use-waypoint: w}") == ["error spec.location"]


def test_without_an_automatic_address_a_port_of_tcp_needs_one():
    label = ", labels: {networking.istio.io/enable-autoallocate-ip: 'false'}"
    assert found(f"hosts: [a.com], {TCP}, resolution: DNS", label) == ["warning spec.ports[0]"]


def test_the_spec_is_there():
    assert checked("ServiceEntry", "") == ["error spec"]
