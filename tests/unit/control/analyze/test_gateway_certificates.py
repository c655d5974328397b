import pytest

from tests.support.analysis import manifest, messages, told

ANALYZER = "gateway.CertificateAnalyzer"


def gateway(name, tls, selector="{a: b}"):
    spec = f"{{selector: {selector}, servers: [{{hosts: [a.com], tls: {tls}}}]}}"
    return manifest("Gateway", name, spec)


FILES = "{serverCertificate: a, privateKey: b}"


@pytest.mark.parametrize("tls", ["{credentialName: c}", FILES])
def test_two_gateways_of_one_certificate(tls):
    assert told(ANALYZER, gateway("one", tls) + gateway("two", tls)) == [
        "IST0138 Gateway shop/one 3",
        "IST0138 Gateway shop/two 8",
    ]


def test_a_wider_selector_is_told_alone():
    text = gateway("one", FILES) + gateway("two", FILES, "{a: b, c: d}")
    (message,) = messages(ANALYZER, text)
    assert str(message.key) == "Gateway shop/one"
    assert "Gateway shop/two" in message.text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{credentialName: c}", "{credentialName: d}"),
        ("{credentialName: c}", FILES),
        (FILES, "{serverCertificate: a, privateKey: c}"),
        ("{serverCertificate: a}", "{serverCertificate: a}"),
        ("{}", "{}"),
    ],
)
def test_different_certificates(one, other):
    assert told(ANALYZER, gateway("one", one) + gateway("two", other)) == []


def test_different_pods():
    assert told(ANALYZER, gateway("one", FILES) + gateway("two", FILES, "{a: c}")) == []
