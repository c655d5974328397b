import pytest

from tests.support.manifests import checked

FILES = "serverCertificate: a, privateKey: b"


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        (f"mode: SIMPLE, {FILES}", []),
        (f"mode: MUTUAL, {FILES}, caCertificates: c, caCrl: d", []),
        ("mode: SIMPLE, credentialNames: [a, b]", []),
        ("mode: SIMPLE, tlsCertificates: [{serverCertificate: a, privateKey: b}]", []),
        (f"mode: SIMPLE, {FILES}, cipherSuites: [AES256-SHA, '-ALL', ALL, '']", []),
        ("mode: SIMPLE, serverCertificate: a", ["error "]),
        ("mode: SIMPLE, privateKey: a", ["error "]),
        ("mode: SIMPLE", ["error ", "error "]),
        (f"mode: OPTIONAL_MUTUAL, {FILES}", ["error "]),
        ("mode: SIMPLE, tlsCertificates: [{privateKey: b}]", ["error .tlsCertificates[0]"]),
        ("mode: SIMPLE, tlsCertificates: []", ["error .tlsCertificates", "error ", "error "]),
        ("mode: SIMPLE, credentialNames: [a, b, c]", ["error .credentialNames"]),
        (f"mode: SIMPLE, {FILES}, credentialName: a", ["error "]),
        ("mode: SIMPLE, credentialName: a, credentialNames: [b]", ["error ", "error "]),
        (
            "mode: SIMPLE, credentialNames: [b], tlsCertificates: "
            "[{serverCertificate: a, privateKey: b}]",
            ["error ", "error "],
        ),
        (
            "mode: ISTIO_MUTUAL, serverCertificate: a, privateKey: b, caCertificates: c, "
            "tlsCertificates: [{}], credentialName: d",
            [
                f"error .{name}"
                for name in (
                    "serverCertificate",
                    "privateKey",
                    "caCertificates",
                    "tlsCertificates",
                    "credentialName",
                )
            ],
        ),
        ("mode: ISTIO_MUTUAL, credentialNames: [a]", ["error .credentialNames"]),
        ("mode: PASSTHROUGH, credentialName: a", ["warning "]),
        (f"mode: SIMPLE, {FILES}, caCrl: d", ["error .caCrl"]),
        (
            f"mode: SIMPLE, {FILES}, minProtocolVersion: TLSV1_1",
            ["warning .minProtocolVersion"],
        ),
        (
            f"mode: SIMPLE, {FILES}, cipherSuites: [X, AES256-SHA, AES256-SHA]",
            ["warning .cipherSuites[0]", "warning .cipherSuites[2]"],
        ),
        (f"mode: SIMPLE, {FILES}, minProtocolVersion: TLS", ["error .minProtocolVersion"]),
    ],
)
def test_tls_of_servers(tls, expected):
    port = "{number: 443, name: https, protocol: HTTPS}"
    spec = f"{{servers: [{{port: {port}, hosts: ['*'], tls: {{{tls}}}}}]}}"
    found = checked("Gateway", spec)
    assert [one.replace("spec.servers[0].tls", "") for one in found] == expected
