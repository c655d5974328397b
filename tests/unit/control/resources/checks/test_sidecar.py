import pytest

from tests.support.manifests import checked

ANY = "egress: [{hosts: ['*/*']}]"


def found(spec):
    return checked("Sidecar", f"{{{spec}}}")


def ingress(text, port="{number: 80, protocol: HTTP}"):
    return f"ingress: [{{port: {port}, {text}}}]"


@pytest.mark.parametrize(
    "spec",
    [
        ANY,
        "egress: [{hosts: [./*, ns/*.a.com, '~other/*']}]",
        "egress: [{port: {number: 80}, bind: 10.0.0.1, hosts: ['*/*']}, {hosts: ['*/*']}]",
        "egress: [{port: {number: 0}, bind: 'unix:///x', hosts: ['*/*'], captureMode: NONE}]",
        "outboundTrafficPolicy: {mode: REGISTRY_ONLY}",
        "inboundConnectionPool: {tcp: {maxConnections: 1}}",
        "outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.com, port: {number: 1}}}",
        *(
            ingress(f"defaultEndpoint: '{endpoint}'")
            for endpoint in (
                "127.0.0.1:80",
                "0.0.0.0:80",
                ":80",
                "[::1]:80",
                "[::]:80",
                "unix:///x",
            )
        ),
        ingress(
            "tls: {mode: SIMPLE, serverCertificate: a, privateKey: b}",
            "{number: 443, protocol: HTTPS}",
        ),
    ],
)
def test_what_is_right(spec):
    assert found(spec) == []


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("", ["error spec"]),
        (f"workloadSelector: {{}}, {ANY}", ["warning spec.workloadSelector"]),
        (
            f"workloadSelector: {{labels: {{a*: b}}}}, {ANY}",
            ["error spec.workloadSelector.labels.a*"],
        ),
        ("ingress: [{}]", ["error spec.ingress[0]"]),
        (ingress("bind: x"), ["error spec.ingress[0].bind"]),
        (ingress("bind: ''", "{number: 0}"), ["error spec.ingress[0].port.number"]),
        (
            ingress("bind: ''", "{number: 1, targetPort: 2}"),
            ["error spec.ingress[0].port.targetPort"],
        ),
        (ingress("bind: ''", "{number: 1, name: a_b}"), ["error spec.ingress[0].port.name"]),
        (ingress("bind: ''", "{number: 1, protocol: x}"), ["error spec.ingress[0].port.protocol"]),
        ("ingress: [{port: {number: 1}}, {port: {number: 1}}]", ["error spec.ingress[1].port"]),
        *(
            (ingress(f"defaultEndpoint: '{one}'"), ["error spec.ingress[0].defaultEndpoint"])
            for one in (
                "10.0.0.1:80",
                "80",
                "127.0.0.1:x",
                "127.0.0.1:0",
                f":{'1' * 5000}",
                "unix://x",
                "::1:80",
            )
        ),
        *(
            (
                ingress(f"tls: {{mode: PASSTHROUGH, {one}}}", "{number: 1, protocol: TLS}"),
                [f"error spec.ingress[0].tls.{one.partition(':')[0]}"],
            )
            for one in ("subjectAltNames: [a]", "httpsRedirect: true")
        ),
        *(
            (
                ingress(f"tls: {{mode: SIMPLE, {one}}}", "{number: 1, protocol: TLS}"),
                [f"error spec.ingress[0].tls.{one.partition(':')[0]}"],
            )
            for one in (
                "credentialName: a",
                "credentialNames: [a]",
                "tlsCertificates: [{serverCertificate: a, privateKey: b}]",
            )
        ),
        (
            ingress("tls: {mode: ISTIO_MUTUAL}", "{number: 1, protocol: TLS}"),
            ["error spec.ingress[0].tls.mode"],
        ),
        (ingress("tls: {mode: PASSTHROUGH}"), ["error spec.ingress[0].tls"]),
        (ingress("connectionPool: {}"), ["error spec.ingress[0].connectionPool"]),
        (
            ingress("connectionPool: {http: {}}", "{number: 1, protocol: TCP}"),
            ["warning spec.ingress[0].connectionPool.http"],
        ),
        ("inboundConnectionPool: {}", ["error spec.inboundConnectionPool"]),
        ("egress: [{hosts: ['*/*']}, {hosts: ['*/*']}]", ["error spec.egress[0]"]),
        ("egress: [{}]", ["error spec.egress[0]"]),
        ("egress: [{hosts: []}]", ["error spec.egress[0].hosts"]),
        ("egress: [{hosts: [a.com]}]", ["error spec.egress[0].hosts[0]"]),
        ("egress: [{hosts: [ns/a]}]", ["error spec.egress[0].hosts[0]"]),
        ("egress: [{hosts: [a_b/a.com]}]", ["error spec.egress[0].hosts[0]"]),
        ("egress: [{hosts: [ns/10.0.0.1]}]", ["error spec.egress[0].hosts[0]"]),
        ("egress: [{hosts: ['ns/*a.com']}]", ["error spec.egress[0].hosts[0]"]),
        ("egress: [{hosts: [./a.com, shop/a.com]}]", ["warning spec.egress[0].hosts[1]"]),
        ("egress: [{hosts: [./a.com, ./*]}]", ["warning spec.egress[0].hosts[1]"]),
        ("egress: [{hosts: ['*/*', ns/*]}]", ["warning spec.egress[0].hosts"]),
        (
            "egress: [{port: {number: 1}, hosts: ['*/*']}, {port: {number: 1}, hosts: ['*/*']}]",
            ["error spec.egress[1].port"],
        ),
        ("egress: [{port: {number: 1}, bind: x, hosts: ['*/*']}]", ["error spec.egress[0].bind"]),
        ("egress: [{port: {number: 0}, hosts: ['*/*']}]", ["error spec.egress[0].bind"]),
        (
            "egress: [{port: {number: 0}, bind: 'unix://x', hosts: ['*/*']}]",
            ["error spec.egress[0].bind"],
        ),
        (
            "egress: [{port: {number: 0}, bind: 'unix:///x', captureMode: IPTABLES, "
            "hosts: ['*/*']}]",
            ["error spec.egress[0].captureMode"],
        ),
        (
            "outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}",
            ["error spec.outboundTrafficPolicy.mode"],
        ),
        (
            "outboundTrafficPolicy: {egressProxy: {host: a.com, port: {number: 1}}}",
            ["error spec.outboundTrafficPolicy.egressProxy"],
        ),
        (
            "outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.com}}",
            ["error spec.outboundTrafficPolicy.egressProxy.port"],
        ),
        (
            "outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: '*.com', "
            "port: {number: 1}}}",
            ["error spec.outboundTrafficPolicy.egressProxy.host"],
        ),
        (
            "outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a, "
            "subset: a_b, port: {number: 0}}}",
            [
                "error spec.outboundTrafficPolicy.egressProxy.subset",
                "error spec.outboundTrafficPolicy.egressProxy.port.number",
            ],
        ),
    ],
)
def test_what_is_wrong(spec, expected):
    assert found(spec) == expected
