import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from lateen.control.ca.authority import Authority, CaError, new_authority, pem, root_name
from lateen.identity.keys import key_pem, new_key
from lateen.identity.spiffe import Identity
from lateen.identity.tls import load_pair

WHO = Identity("cluster.local", "shop", "reviews")


def names(certificate):
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def test_a_certificate_names_an_identity_and_its_key():
    authority, key = new_authority(root_name("cluster.local")), new_key()
    (leaf,) = authority.sign(key.public_key(), WHO)
    assert list(names(leaf)) == [
        x509.UniformResourceIdentifier("spiffe://cluster.local/ns/shop/sa/reviews")
    ]
    assert leaf.public_key() == key.public_key()
    leaf.verify_directly_issued_by(authority.root)
    assert leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (None, timedelta(hours=24)),
        (timedelta(minutes=5), timedelta(minutes=5)),
        (timedelta(days=400), timedelta(days=90)),
    ],
)
def test_how_long_it_is_valid(asked, given):
    arguments = (new_key().public_key(), WHO) + (() if asked is None else (asked,))
    (leaf,) = new_authority(root_name("cluster.local")).sign(*arguments)
    left = leaf.not_valid_after_utc - datetime.now(UTC)
    assert given - timedelta(seconds=30) < left <= given
    assert leaf.not_valid_before_utc < datetime.now(UTC)


def test_an_authority_that_has_expired_signs_nothing():
    made = new_authority(root_name("cluster.local"))
    # A certificate of the authority's that ended, as one whose files nobody replaced.
    old = made.sign(made.key.public_key(), WHO, timedelta(microseconds=1))[0]
    with pytest.raises(CaError, match="has expired: replace it"):
        Authority((old,), old, made.key).sign(new_key().public_key(), WHO)


def test_roots_of_one_name_are_told_apart():
    """By OpenSSL, which otherwise takes the first of this name, and fails."""
    old, new = new_authority(root_name("cluster.local")), new_authority(root_name("cluster.local"))
    key = new_key()
    (leaf,) = new.sign(key.public_key(), WHO)
    assert shown(key, leaf, (old.root, new.root))["subjectAltName"] == (("URI", str(WHO)),)


def shown(key, leaf, roots):
    """What a server that trusts roots sees of a client: a connection in memory."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    for context in (server, client):
        load_pair(context, key_pem(key), pem(leaf).encode())
        context.load_verify_locations(cadata="".join(map(pem, roots)))
        context.verify_mode = ssl.CERT_REQUIRED
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
