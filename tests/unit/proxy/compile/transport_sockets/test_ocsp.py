"""OCSP responses of certificates: what compiles to what, and each error."""

import base64

import pytest

from lateen.protos.worker_pb2 import TlsServer
from tests.support.messages import context, errors
from tests.support.ocsp_files import ocsp_files
from tests.unit.proxy.compile.transport_sockets.test_tls import downstream


def compiled(name, staple=None, policy="LENIENT_STAPLING"):
    files = ocsp_files()
    given = {
        "certificate_chain": {"inline_string": (files / f"{name}.pem").read_text()},
        "private_key": {"inline_string": (files / f"{name}.key").read_text()},
    }
    if staple:
        content = (files / f"{staple}.ocsp").read_bytes()
        given["ocsp_staple"] = {"inline_bytes": base64.b64encode(content).decode()}
    ctx = context()
    _, made = downstream(ctx, {"tls_certificates": [given]}, ocsp_staple_policy=policy)
    return made, errors(ctx)


def test_a_response_and_until_when_it_holds():
    made, found = compiled("plain", "good", "STRICT_STAPLING")
    assert found == []
    assert made.server.ocsp_staple_policy == TlsServer.STRICT_STAPLING
    (certificate,) = made.certificates
    assert certificate.ocsp_staple == (ocsp_files() / "good.ocsp").read_bytes()
    assert not certificate.must_staple
    late = compiled("plain", "expired")[0].certificates[0]
    assert 0 < late.ocsp_expires_s < certificate.ocsp_expires_s
    assert compiled("plain", "endless")[0].certificates[0].ocsp_expires_s == 0


def test_a_certificate_that_demands_a_response():
    made, found = compiled("must", "must")
    assert found == []
    assert made.certificates[0].must_staple


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (("must",), "OCSP response is required for must-staple certificate"),
        (("plain", None, "MUST_STAPLE"), "Required OCSP response is missing from TLS context"),
        (("plain", "must"), "OCSP response does not match its TLS certificate"),
        (("plain", "failed"), "OCSP response was unsuccessful"),
    ],
)
def test_responses_that_cannot_be_used(given, reason):
    _, (error,) = compiled(*given)
    where = "t.typed_config.common_tls_context.tls_certificates[0].ocsp_staple"
    assert error.startswith(f"{where}: {reason}")


@pytest.mark.parametrize(
    ("staple", "reason"),
    [
        ({"inline_string": "abc"}, "OCSP staple cannot be provided via inline_string"),
        ({"inline_bytes": "YWJj"}, "not an OCSP response in DER: "),
    ],
)
def test_what_is_no_response(staple, reason):
    files = ocsp_files()
    given = {
        "certificate_chain": {"inline_string": (files / "plain.pem").read_text()},
        "private_key": {"inline_string": (files / "plain.key").read_text()},
        "ocsp_staple": staple,
    }
    ctx = context()
    downstream(ctx, {"tls_certificates": [given]})
    (error,) = errors(ctx)
    assert reason in error
