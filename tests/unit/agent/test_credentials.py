import stat
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from lateen.agent.credentials import Credentials, restore, save
from lateen.agent.state import State
from lateen.control.ca.authority import new_authority, pem, root_name
from lateen.control.ca.files import load_or_create
from lateen.identity.keys import key_pem
from lateen.identity.spiffe import Identity
from tests.support.authorities import certified

WEB = Identity("cluster.local", "shop", "web")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def of_a_day():
    return Credentials(b"", b"", b"", BEGIN, BEGIN + timedelta(days=1))


def test_credentials_are_renewed_at_half_their_life_give_or_take_a_hundredth():
    times = [of_a_day().renewal(0.5, Random(seed)) - BEGIN for seed in range(500)]
    assert min(times) >= timedelta(days=0.49)
    assert max(times) <= timedelta(days=0.51)
    assert max(times) - min(times) > timedelta(days=0.015)


@pytest.mark.parametrize(("ratio", "part"), [(0.9, 0.1), (0.0, 1.0), (1.0, 0.0)])
def test_another_part_of_their_life_can_be_left(ratio, part):
    renewal = of_a_day().renewal(ratio, Random(7)) - BEGIN
    assert abs(renewal / timedelta(days=1) - part) <= 0.01
    assert timedelta(0) <= renewal <= timedelta(days=1)


@pytest.fixture
def state(tmp_path):
    made = State(tmp_path / "state")
    yield made
    made.close()


@pytest.fixture
def authority(tmp_path):
    load_or_create(tmp_path / "ca", "cluster.local")
    return tmp_path / "ca"


def had(authority, identity=WEB, life=timedelta(hours=1)):
    key, chain = certified(authority, identity, life)
    roots = (authority / "root-cert.pem").read_bytes()
    now = datetime.now(UTC)
    return Credentials(key, chain, roots, now, (now + life).replace(microsecond=0))


def of_nobody():
    made = new_authority(root_name("cluster.local"))
    return Credentials(key_pem(made.key), pem(made.root).encode(), b"", BEGIN, BEGIN)


def test_what_was_kept_is_had_again(state, authority):
    made = had(authority)
    save(state, made)
    found = restore(state, WEB, datetime.now(UTC))
    assert (found.key, found.chain, found.roots) == (made.key, made.chain, made.roots)
    assert found.until >= made.until
    assert stat.S_IMODE(state.credentials.stat().st_mode) == 0o600
    assert stat.S_IMODE(state.directory.stat().st_mode) == 0o700


def test_what_is_not_good_any_more_is_not_had_again(state, authority):
    now = datetime.now(UTC)
    assert restore(state, WEB, now) is None
    save(state, had(authority))
    assert restore(state, WEB, now + timedelta(hours=2)) is None
    assert restore(state, Identity("cluster.local", "shop", "other"), now) is None
    save(state, of_nobody())
    assert restore(state, WEB, now) is None
    save(state, had(authority))
    pair = state.credentials.read_bytes()
    state.write(state.credentials, pair[: len(pair) // 2])
    assert restore(state, WEB, now) is None
    other = had(authority)
    save(state, Credentials(other.key, had(authority).chain, other.roots, now, now))
    assert restore(state, WEB, now) is None
