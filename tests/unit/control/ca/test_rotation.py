import pytest

from lateen.control.ca import rotation as subject
from lateen.control.ca.authority import CaError
from lateen.control.ca.files import CERTIFICATE, load, load_or_create
from lateen.control.ca.rotation import Step, rotate, rotation
from lateen.identity.keys import new_key
from lateen.identity.spiffe import Identity
from tests.support.authorities import intermediate

WHO = Identity("cluster.local", "shop", "web")


def signed(directory):
    return load(directory).sign(new_key().public_key(), WHO)[0]


def test_a_root_is_replaced_in_three_steps(tmp_path):
    old = load_or_create(tmp_path, "cluster.local").root
    assert rotate(tmp_path).step is Step.PREPARED
    new, last = load(tmp_path).roots
    assert last == old
    signed(tmp_path).verify_directly_issued_by(old)

    assert rotate(tmp_path, early=True).step is Step.SWITCHED
    assert load(tmp_path).roots == (old, new)
    signed(tmp_path).verify_directly_issued_by(new)

    assert rotate(tmp_path, early=True).step is Step.FINISHED
    assert load(tmp_path).roots == (new,)
    signed(tmp_path).verify_directly_issued_by(new)
    assert rotation(tmp_path).step is Step.FINISHED
    assert not (tmp_path / "next").exists()


def test_the_next_step_waits_a_day(tmp_path, monkeypatch):
    load_or_create(tmp_path, "cluster.local")
    rotate(tmp_path)
    before = load(tmp_path).roots
    with pytest.raises(CaError, match=r"\(prepared\).*try again in 24.0 hours, or with --now"):
        rotate(tmp_path)
    assert load(tmp_path).roots == before
    later = subject.time.time() + 86_400
    monkeypatch.setattr(subject.time, "time", lambda: later)
    assert rotate(tmp_path).step is Step.SWITCHED


def test_a_switch_that_was_interrupted_is_done_again(tmp_path):
    load_or_create(tmp_path, "cluster.local")
    rotate(tmp_path)
    half = (tmp_path / "next" / CERTIFICATE).read_bytes()
    (tmp_path / CERTIFICATE).write_bytes(half)
    with pytest.raises(CaError, match="is not the key of"):
        load(tmp_path)
    assert rotate(tmp_path, early=True).step is Step.SWITCHED
    assert load(tmp_path).certificate == load(tmp_path).root


def test_the_root_of_a_given_intermediate_is_replaced_by_hand(tmp_path):
    folder = intermediate(tmp_path)
    with pytest.raises(CaError, match=r"root's key is elsewhere.*root-cert.pem by hand"):
        rotate(folder)
    assert rotation(folder).step is Step.FINISHED
