"""Where a mesh keeps what it makes, and what it claims of the machine."""

import socket
from itertools import islice

import pytest

from lateen.mesh.claim import claimed_number
from lateen.mesh.ports import free_ports
from lateen.mesh.state import StateError, state_directory


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def test_the_directory_is_the_users_alone_and_gone_at_the_end(runtime):
    with state_directory(None, 3) as directory:
        assert directory.name == "up-3"
        assert directory.stat().st_mode & 0o777 == 0o700
        assert directory.parent.stat().st_mode & 0o777 == 0o700
        (directory / "key").write_text("secret")
    assert list(runtime.iterdir()) == []


def test_what_a_killed_mesh_left_is_removed(runtime):
    with state_directory(None, 3) as directory:
        (directory / "key").write_text("old")
        with state_directory(None, 3) as again:
            assert list(again.iterdir()) == []


def test_a_given_directory_stays_as_it_is(tmp_path):
    given = tmp_path / "mine"
    with state_directory(given, 0) as directory:
        (directory / "key").write_text("kept")
    with state_directory(given, 0) as directory:
        assert (directory / "key").read_text() == "kept"


def test_a_directory_that_others_enter_is_refused(tmp_path):
    tmp_path.chmod(0o755)
    told = f"{tmp_path} must be a directory .*: chmod 700 it"
    with pytest.raises(StateError, match=told), state_directory(tmp_path, 0):
        pass


def test_each_mesh_has_a_number_of_its_own():
    with claimed_number() as first:
        with claimed_number() as second:
            assert second > first
        with claimed_number() as again:
            assert again == second


def test_ports_that_are_taken_are_left_out():
    first, second = islice(free_ports(7), 2)
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", first))
        taken.listen()
        assert next(free_ports(7)) == second
