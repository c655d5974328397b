"""Keys with a password and PKCS#12: what is read, and each error."""

import base64

import pytest

from tests.support.messages import context, errors
from tests.support.tls_files import tls_files
from tests.unit.proxy.compile.transport_sockets.test_tls import certificate, downstream

SECRET = {"inline_string": "secret"}


def sealed(name):
    chain = certificate()["certificate_chain"]
    return {"certificate_chain": chain, "private_key": text(name)}


def text(name):
    return {"inline_string": (tls_files() / name).read_text()}


def binary(name):
    return {"inline_bytes": base64.b64encode((tls_files() / name).read_bytes()).decode()}


def compiled(**given):
    ctx = context()
    _, made = downstream(ctx, {"tls_certificates": [given]})
    return made.certificates[0], errors(ctx)


@pytest.mark.parametrize("name", ["sealed.key", "legacy.key"])
def test_a_key_with_its_password(name):
    plain, _ = compiled(**certificate())
    made, found = compiled(**sealed(name), password=SECRET)
    assert found == []
    assert made.key
    assert made.chain == plain.chain


@pytest.mark.parametrize("name", ["sealed.key", "legacy.key"])
@pytest.mark.parametrize("password", ["nope", "secret\n"])
def test_a_wrong_password(name, password):
    _, (error,) = compiled(**sealed(name), password={"inline_string": password})
    assert error.startswith(
        "t.typed_config.common_tls_context.tls_certificates[0].private_key:"
        " Failed to load private key from <inline>, Cause: the key cannot be decrypted with its"
    )


@pytest.mark.parametrize("name", ["sealed.key", "legacy.key"])
def test_a_password_that_is_missing(name):
    _, (error,) = compiled(**sealed(name))
    assert "Cause: the key is encrypted: give its password" in error


def test_a_password_that_nothing_needs():
    plain, _ = compiled(**certificate())
    made, found = compiled(**certificate(), password=SECRET)
    assert found == []
    assert made.key == plain.key


def test_a_password_file_that_is_not_there():
    _, (error,) = compiled(**sealed("sealed.key"), password={"filename": "/none/password"})
    assert "tls_certificates[0].password.filename: cannot read /none/password" in error


@pytest.mark.parametrize(("name", "password"), [("srv.p12", SECRET), ("open.p12", None)])
def test_pkcs12(name, password):
    plain, _ = compiled(**certificate())
    more = {"password": password} if password else {}
    made, found = compiled(pkcs12=binary(name), **more)
    assert found == []
    assert len(made.chain) == 2
    assert made.chain[0] == plain.chain[0]
    assert made.key


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (
            {"pkcs12": binary("srv.p12"), "password": {"inline_string": "nope"}},
            "pkcs12: Failed to load pkcs12 from <inline>: it cannot be read with its password",
        ),
        ({"pkcs12": binary("srv.p12")}, "pkcs12: Failed to load pkcs12 from <inline>"),
        ({"pkcs12": {"inline_string": "abc"}}, "pkcs12: Failed to load pkcs12 from <inline>"),
        (
            {"pkcs12": binary("srv.p12"), "private_key": text("srv.key")},
            "private_key: Certificate configuration can't have both pkcs12 and private_key",
        ),
        (
            {"pkcs12": binary("srv.p12"), "certificate_chain": text("srv.pem")},
            "certificate_chain: Certificate configuration can't have both pkcs12 and"
            " certificate_chain",
        ),
    ],
)
def test_pkcs12_that_cannot_be_read(given, reason):
    _, (error,) = compiled(**given)
    assert f"tls_certificates[0].{reason}" in error
