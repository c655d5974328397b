from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.analysis import manifest, messages, told
from tests.support.authorities import of_unknown_version, self_signed

ANALYZER = "gateway.SecretAnalyzer"
DAY = timedelta(days=1)
POD = manifest("Pod", "gw-1", namespace="edge", labels="{gw: a}")


def gateway(name="cert"):
    tls = f"{{mode: SIMPLE, credentialName: {name}}}"
    server = f"{{port: {{number: 443, name: a, protocol: HTTPS}}, hosts: ['*'], tls: {tls}}}"
    return manifest("Gateway", "g", f"{{selector: {{gw: a}}, servers: [{server}]}}")


def certificate(start=-DAY, end=DAY):
    now = datetime.now(UTC)
    return self_signed(now + start, now + end)


def secret(certificate, names=("tls.crt", "tls.key"), namespace="edge"):
    encoded = (b64encode(value).decode() for value in (certificate, b"key"))
    data = ", ".join(f"{name}: {value}" for name, value in zip(names, encoded, strict=True))
    return manifest("Secret", "cert", f"data: {{{data}}}", namespace=namespace)


INVALID = ["IST0161 Gateway shop/g 4"]


@pytest.mark.parametrize("names", [("tls.crt", "tls.key"), ("cert", "key")])
def test_a_certificate_in_the_namespace_of_the_pods(names):
    assert told(ANALYZER, gateway() + POD + secret(certificate(), names)) == []
    elsewhere = secret(certificate(), names, namespace="shop")
    assert told(ANALYZER, gateway() + POD + elsewhere) == ["IST0101 Gateway shop/g 4"]
    assert told(ANALYZER, gateway("shop/cert") + POD + elsewhere) == []


def test_a_certificate_that_is_not_valid_now():
    for start, end, word in ((-2 * DAY, -DAY, "expired"), (DAY, 2 * DAY, "valid from")):
        text = gateway() + POD + secret(certificate(start, end))
        assert told(ANALYZER, text) == INVALID
        assert word in messages(ANALYZER, text)[0].text


def test_what_is_no_certificate():
    for wrong in (
        secret(b"hush"),
        secret(of_unknown_version(certificate())),
        secret(b""),
        secret(certificate(), ("tls.cert", "tls.key")),
        manifest("Secret", "cert", "data: {cert: '!', key: '!'}", namespace="edge"),
    ):
        assert told(ANALYZER, gateway() + POD + wrong) == INVALID


def test_data_that_is_not_encoded():
    text = certificate().decode().replace("\n", "\\n")
    data = f'data: {{}}\nstringData: {{tls.crt: "{text}", tls.key: key}}'
    plain = manifest("Secret", "cert", data, namespace="edge")
    assert told(ANALYZER, gateway() + POD + plain) == []


def test_a_gateway_has_pods():
    assert told(ANALYZER, gateway() + secret(certificate())) == ["IST0101 Gateway shop/g 4"]
