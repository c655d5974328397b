import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from lateen.control.ca.requests import RequestError, read_request
from lateen.identity.keys import new_key
from tests.support.authorities import ADMIN, of_unknown_curve, signing_request

NAMED_BY_X400 = b"""\
-----BEGIN CERTIFICATE REQUEST-----
MIHbMIGBAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASadeBvmvIe1KeZ
0Cs4dlLajst5CKemrJS4RsHsBhRbbP9EzENJD5RIN8Qjl4XPQAladRDN1lCE2sDj
1dFWseXsoB8wHQYJKoZIhvcNAQkOMRAwDjAMBgNVHREEBTADowEFMAoGCCqGSM49
BAMCA0kAMEYCIQDyRZPANLAYS2vS8GIS7lJMCUOnFQ5SJTOdNLoW0++7WgIhAOJ8
aCjLI7d0VVZ7hNXgDiTS9JxEkbr7HERgWRxcI7Is
-----END CERTIFICATE REQUEST-----
"""


def test_a_request_has_a_key_and_says_what_it_is_after():
    key = new_key()
    host = x509.DNSName("bank.example")
    uri = x509.UniformResourceIdentifier(ADMIN)
    read = read_request(signing_request(key, uri, host))
    assert read.key == key.public_key()
    assert read.names == (ADMIN, "bank.example")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: b"nonsense", "the request is no certificate signing request"),
        (lambda: of_unknown_curve(signing_request()), "Curve .* is not supported"),
        (lambda: NAMED_BY_X400, "x400Address/EDIPartyName are not supported"),
        (lambda: b" " * 70_000, "the request is longer than 65536 bytes"),
        (
            lambda: signing_request(rsa.generate_private_key(65537, 1024)),
            "the key must be an elliptic curve's, or RSA of 2048 bits or more",
        ),
        (
            lambda: signing_request(ed25519.Ed25519PrivateKey.generate()),
            "the key must be an elliptic curve's, or RSA of 2048 bits or more",
        ),
    ],
)
def test_requests_that_are_refused(made, message):
    with pytest.raises(RequestError, match=message):
        read_request(made())


def test_a_request_that_its_key_did_not_sign_is_refused():
    parsed = x509.load_pem_x509_csr(signing_request())
    der = bytearray(parsed.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(RequestError, match="not signed by its key"):
        read_request(forged)
