import ssl
import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from lateen.control.ca import (
    CERTIFICATE,
    CHAIN,
    KEY,
    ROOT,
    Authority,
    CaError,
    load,
    load_or_create,
)
from lateen.control.identity import Identity, IdentityError

WHO = Identity("cluster.local", "shop", "reviews")


def request(key=None, name="spiffe://cluster.local/ns/kube-system/sa/admin"):
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name)])
    builder = builder.add_extension(names, critical=False)
    key = key or ec.generate_private_key(ec.SECP256R1())
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(serialization.Encoding.PEM)


def parsed(pem):
    return x509.load_pem_x509_certificate(pem.encode())


def uris(certificate):
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return found.get_values_for_type(x509.UniformResourceIdentifier)


def test_a_root_is_made_once_and_kept(tmp_path):
    first = load_or_create(tmp_path / "ca", "cluster.local")
    again = load_or_create(tmp_path / "ca", "cluster.local")
    assert first.root == again.root
    assert first.key.private_numbers() == again.key.private_numbers()
    assert stat.S_IMODE((tmp_path / "ca" / KEY).stat().st_mode) == 0o600
    left = first.root.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=3600) < left < timedelta(days=3651)


def test_a_certificate_names_the_caller_and_not_what_it_asks_for(tmp_path):
    authority = load_or_create(tmp_path, "cluster.local")
    key = ec.generate_private_key(ec.SECP256R1())
    leaf, root = map(parsed, authority.sign(request(key), WHO))
    assert uris(leaf) == ["spiffe://cluster.local/ns/shop/sa/reviews"]
    assert leaf.public_key() == key.public_key()
    leaf.verify_directly_issued_by(root)
    assert leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert root == authority.root


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (None, timedelta(hours=24)),
        (timedelta(minutes=5), timedelta(minutes=5)),
        (timedelta(days=400), timedelta(days=90)),
    ],
)
def test_how_long_it_is_valid(tmp_path, asked, given):
    authority = load_or_create(tmp_path, "cluster.local")
    arguments = (request(), WHO) if asked is None else (request(), WHO, asked)
    leaf = parsed(authority.sign(*arguments)[0])
    left = leaf.not_valid_after_utc - datetime.now(UTC)
    assert given - timedelta(seconds=30) < left <= given
    assert leaf.not_valid_before_utc < datetime.now(UTC)


def test_peers_of_the_mesh_verify_each_other(tmp_path):
    """By OpenSSL, over a connection in memory."""
    authority = load_or_create(tmp_path, "cluster.local")
    key = ec.generate_private_key(ec.SECP256R1())
    leaf, root = authority.sign(request(key), WHO)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "leaf.pem").write_bytes(leaf.encode() + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    for context in (server, client):
        context.load_cert_chain(tmp_path / "leaf.pem")
        context.load_verify_locations(cadata=root)
        context.verify_mode = ssl.CERT_REQUIRED
    told = handshake(server, client)
    assert told["subjectAltName"] == (("URI", str(WHO)),)


def handshake(server, client):
    """The certificate that the server sees."""
    pipes = [ssl.MemoryBIO() for _ in range(2)]
    one = server.wrap_bio(pipes[0], pipes[1], server_side=True)
    other = client.wrap_bio(pipes[1], pipes[0])
    for _ in range(10):
        for side in (other, one):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return one.getpeercert()


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: b"nonsense", "the request is no certificate signing request"),
        (
            lambda: request(rsa.generate_private_key(65537, 1024)),
            "the key must be an elliptic curve's, or RSA of 2048 bits or more",
        ),
        (
            lambda: request(ed25519.Ed25519PrivateKey.generate()),
            "the key must be an elliptic curve's, or RSA of 2048 bits or more",
        ),
    ],
)
def test_requests_that_are_refused(tmp_path, made, message):
    with pytest.raises(CaError, match=message):
        load_or_create(tmp_path, "cluster.local").sign(made(), WHO)


def test_a_request_that_its_key_did_not_sign_is_refused(tmp_path):
    der = bytearray(x509.load_pem_x509_csr(request()).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(CaError, match="not signed by its key"):
        load_or_create(tmp_path, "cluster.local").sign(forged, WHO)


def intermediate(directory):
    """Files of an authority under a root whose key is elsewhere."""
    root = load_or_create(directory / "root", "cluster.local")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "intermediate")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(root.root.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root.key, hashes.SHA256())
    )
    folder = directory / "ca"
    folder.mkdir()
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / ROOT).write_bytes((directory / "root" / ROOT).read_bytes())
    (folder / CERTIFICATE).write_bytes(pem)
    (folder / CHAIN).write_bytes(pem + (folder / ROOT).read_bytes())
    (folder / KEY).write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


def test_a_given_intermediate_signs_and_is_sent_with_what_it_signs(tmp_path):
    authority = load(intermediate(tmp_path))
    leaf, between, root = map(parsed, authority.sign(request(), WHO))
    leaf.verify_directly_issued_by(between)
    between.verify_directly_issued_by(root)
    assert leaf.not_valid_after_utc <= between.not_valid_after_utc


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (KEY, "x", "ca-key.pem is no private key"),
        (CERTIFICATE, "x", "ca-cert.pem has no certificate"),
        (ROOT, None, "cannot read .*root-cert.pem: No such file or directory"),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path, file, content, message):
    folder = intermediate(tmp_path)
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(content)
    with pytest.raises(CaError, match=message):
        load(folder)


def test_files_that_do_not_belong_together_are_told(tmp_path):
    folder = intermediate(tmp_path)
    other = load_or_create(tmp_path / "other", "cluster.local")
    assert isinstance(other, Authority)
    (folder / KEY).write_bytes((tmp_path / "other" / KEY).read_bytes())
    with pytest.raises(CaError, match=r"ca-key.pem is not the key of .*ca-cert.pem"):
        load(folder)


def test_a_root_that_signed_something_else_is_told(tmp_path):
    folder = intermediate(tmp_path)
    load_or_create(tmp_path / "other", "cluster.local")
    (folder / ROOT).write_bytes((tmp_path / "other" / ROOT).read_bytes())
    with pytest.raises(CaError, match="is not signed by the next one"):
        load(folder)


@pytest.mark.parametrize(
    "uri",
    [
        "spiffe://td/ns/a",
        "https://td/ns/a/sa/b",
        "spiffe://td/ns/a/sa/b/c",
        "spiffe://t d/ns/a/sa/b",
    ],
)
def test_what_is_no_identity(uri):
    with pytest.raises(IdentityError):
        Identity.parse(uri)


def test_an_identity_is_written_as_it_is_read():
    assert Identity.parse(str(WHO)) == WHO
