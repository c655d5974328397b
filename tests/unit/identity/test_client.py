import pytest

from lateen.control.ca.authority import new_authority, pem, root_name
from lateen.control.ca.files import load
from lateen.identity.client import AnswerError, read_answer
from lateen.identity.keys import new_key
from lateen.identity.spiffe import Identity
from lateen.protos.ca_pb2 import CertificateResponse
from tests.support.authorities import intermediate


def answer(*certificates):
    return CertificateResponse(cert_chain=[pem(one) for one in certificates]).SerializeToString()


def test_an_answer_is_parted_into_chain_and_roots(tmp_path):
    authority = load(intermediate(tmp_path))
    other = new_authority(root_name("cluster.local")).root
    leaf, between = authority.sign(new_key().public_key(), Identity("cluster.local", "shop", "web"))
    issued = read_answer(answer(leaf, between, other, authority.root))
    assert issued.chain.decode() == pem(leaf) + pem(between)
    assert issued.roots.decode() == pem(other) + pem(authority.root)
    assert issued.not_after == leaf.not_valid_after_utc


def test_a_root_that_somebody_else_vouches_for_is_one_in_the_last_place(tmp_path):
    authority = load(intermediate(tmp_path))
    leaf, between = authority.sign(new_key().public_key(), Identity("cluster.local", "shop", "web"))
    issued = read_answer(answer(leaf, between))
    assert issued.roots.decode() == pem(between)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff", "has no certificates"),
        (b"", "has no certificates"),
        (CertificateResponse(cert_chain=["x"]).SerializeToString(), "has no certificates"),
        (answer(new_authority(root_name("a.test")).root), "lacks a certificate or a root"),
    ],
)
def test_an_answer_that_cannot_be_used_is_told(data, message):
    with pytest.raises(AnswerError, match=message):
        read_answer(data)
