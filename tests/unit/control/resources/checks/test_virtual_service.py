import pytest

from tests.support.manifests import checked

HTTP = "http: [{route: [{destination: {host: a}}]}]"


def found(spec):
    return checked("VirtualService", spec)


@pytest.mark.parametrize(
    "spec",
    [
        f"{{hosts: [a, '*.b.com', 10.0.0.1], {HTTP}, exportTo: [., other]}}",
        f"{{hosts: ['*'], gateways: [edge, ns/edge], {HTTP}}}",
        f"{{hosts: [a.com], gateways: [mesh, ns/edge], {HTTP}}}",
        f"{{{HTTP}}}",
        "{hosts: [a.com], gateways: [edge], http: [{match: [{headers: "
        "{'@request.auth.claims.sub': {exact: x}}}], route: [{destination: {host: a}}]}]}",
        "{hosts: [outbound_.80_._.a.com], gateways: [edge], tls: [{match: "
        "[{sniHosts: [outbound_.80_._.a.com]}], route: [{destination: {host: a}}]}]}",
    ],
)
def test_what_is_right(spec):
    assert found(spec) == []


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("{hosts: [a]}", ["error spec"]),
        (f"{{hosts: ['*'], {HTTP}}}", ["error spec.hosts[0]"]),
        (f"{{hosts: [a_b], {HTTP}}}", ["error spec.hosts[0]"]),
        (f"{{hosts: [a.1], {HTTP}}}", ["error spec.hosts[0]"]),
        (f"{{hosts: [''], {HTTP}}}", ["error spec.hosts[0]"]),
        (f"{{hosts: ['{'a' * 64}'], {HTTP}}}", ["error spec.hosts[0]"]),
        (f"{{hosts: ['{'a.' * 128}com'], {HTTP}}}", ["error spec.hosts[0]"]),
        (f"{{hosts: [a.com, '*.com'], {HTTP}}}", ["error spec.hosts"]),
        (f"{{gateways: [edge], {HTTP}}}", ["error spec.gateways"]),
        ("{tcp: [{route: [{destination: {host: a}}]}]}", ["error spec.tcp"]),
        (f"{{hosts: [a], gateways: [a/b/c], {HTTP}}}", ["error spec.gateways[0]"]),
        (f"{{hosts: [a], gateways: [/b], {HTTP}}}", ["error spec.gateways[0]"]),
        (f"{{hosts: [a], gateways: [edge.ns.svc], {HTTP}}}", ["warning spec.gateways[0]"]),
        (
            "{hosts: [a], http: [{match: [{withoutHeaders: {'@request.auth.claims[x]': {}}}], "
            "route: [{destination: {host: a}}]}]}",
            ["error spec.http[0].match[0].withoutHeaders.@request.auth.claims[x]"],
        ),
        (f"{{hosts: [a], {HTTP}, exportTo: ['*', ns]}}", ["error spec.exportTo"]),
        (f"{{hosts: [a], {HTTP}, exportTo: [., shop]}}", ["error spec.exportTo[1]"]),
        (f"{{hosts: [a], {HTTP}, exportTo: ['~']}}", ["error spec.exportTo[0]"]),
        (f"{{hosts: [a], {HTTP}, exportTo: [a_b]}}", ["error spec.exportTo[0]"]),
        (
            "{hosts: [outbound_.a_._.a], gateways: [edge], tls: [{match: "
            "[{sniHosts: [outbound_.80_._.a.com]}], route: [{destination: {host: a}}]}]}",
            ["error spec.hosts[0]", "error spec.tls[0].match[0].sniHosts[0]"],
        ),
    ],
)
def test_what_is_wrong(spec, expected):
    assert found(spec) == expected
