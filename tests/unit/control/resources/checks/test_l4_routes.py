import pytest

from tests.support.manifests import checked

TO = "route: [{destination: {host: a}}]"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (f"tls: [{{match: [{{sniHosts: [b.a.com], port: 443}}], {TO}}}]", []),
        (f"tcp: [{{match: [{{destinationSubnets: [10.0.0.0/8, '::1']}}], {TO}}}]", []),
        (f"tls: [{{match: [], {TO}}}]", ["error spec.tls[0].match"]),
        (f"tls: [{{match: [{{sniHosts: []}}], {TO}}}]", ["error spec.tls[0].match[0].sniHosts"]),
        (f"tls: [{{{TO}}}]", ["error spec.tls[0]"]),
        (f"tls: [{{match: [{{port: 1}}], {TO}}}]", ["error spec.tls[0].match[0]"]),
        ("tls: [{match: [{sniHosts: [b.a.com]}]}]", ["error spec.tls[0].route"]),
        (
            f"tls: [{{match: [{{sniHosts: [b.com]}}], {TO}}}]",
            ["error spec.tls[0].match[0].sniHosts[0]"],
        ),
        (
            f"tls: [{{match: [{{sniHosts: ['a..com']}}], {TO}}}]",
            ["error spec.tls[0].match[0].sniHosts[0]"],
        ),
        (
            f"tls: [{{match: [{{sniHosts: [10.0.0.1]}}], {TO}}}]",
            ["warning spec.tls[0].match[0].sniHosts[0]"],
        ),
        (
            f"tls: [{{match: [{{sniHosts: [b.a.com], port: 70000, gateways: [a_b], "
            f"destinationSubnets: [10.0.0.0/33], sourceLabels: {{a: '!'}}}}], {TO}}}]",
            [
                "error spec.tls[0].match[0].destinationSubnets[0]",
                "error spec.tls[0].match[0].port",
                "error spec.tls[0].match[0].sourceLabels.a",
                "error spec.tls[0].match[0].gateways[0]",
            ],
        ),
        ("tcp: [{}]", ["error spec.tcp[0].route"]),
        (
            "tcp: [{route: [{destination: {host: a}}, {destination: {host: '*'}}]}]",
            ["error spec.tcp[0].route[1].destination.host", "error spec.tcp[0].route"],
        ),
        (
            f"tcp: [{{match: [{{destinationSubnets: [10.0.0.0/8/8, x, 10.0.0.0/08]}}], {TO}}}]",
            [f"error spec.tcp[0].match[0].destinationSubnets[{index}]" for index in range(3)],
        ),
    ],
)
def test_routes_of_connections(spec, expected):
    assert checked("VirtualService", f"{{hosts: ['*.a.com'], {spec}}}") == expected
