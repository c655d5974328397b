"""A base id is one for the machine."""

import errno
import itertools
import os
import socket
import stat

import pytest

from lateen.proxy.hot_restart.channel import Channel, NoProcessError
from lateen.proxy.hot_restart.claim import ClaimError, claim, claim_dynamic
from lateen.proxy.hot_restart.names import socket_name

NUMBERS = itertools.count()


@pytest.fixture(params=["abstract", "file"])
def path(request, tmp_path):
    if request.param == "abstract":
        return f"@lateen-test-{os.getpid()}-{next(NUMBERS)}"
    return str(tmp_path / "s")


def taken(base_id, number):
    return (
        f"unable to bind domain socket with base_id={base_id}, id={number},"
        f" errno={errno.EADDRINUSE} (see --base-id option)"
    )


def test_a_name_has_one_owner(path):
    held = claim(path, 3, 1, 0)
    with pytest.raises(ClaimError) as caught:
        claim(path, 3, 4, 0)
    assert str(caught.value) == taken(3, 1)
    claim(path, 4, 1, 0).release()
    held.release()
    held.release()
    claim(path, 3, 1, 0).release()


def test_epoch_0_sees_processes_of_any_epoch(path):
    held = claim(path, 3, 5, 0)
    with pytest.raises(ClaimError) as caught:
        claim(path, 3, 0, 0)
    assert str(caught.value) == taken(3, 2)
    held.release()
    claim(path, 3, 0, 0).release()


def test_a_dynamic_base_id_is_free(path):
    first, second = claim_dynamic(path, 0), claim_dynamic(path, 0)
    assert first.base_id != second.base_id
    first.release()
    second.release()


def test_files_have_their_mode_and_go(tmp_path):
    path = str(tmp_path / "s")
    for given, mode in [(0, 0o600), (0o660, 0o660)]:
        held = claim(path, 1, 0, given)
        assert stat.S_IMODE(os.stat(held.name).st_mode) == mode
        held.release()
        assert not os.path.exists(held.name)


def test_what_a_killed_process_left_is_replaced_but_no_other_file(tmp_path):
    path = str(tmp_path / "s")
    name = socket_name(path, 0, 0)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(name)
    claim(path, 0, 0, 0).release()
    with open(name, "w") as file:
        file.write("precious")
    with pytest.raises(ClaimError):
        claim(path, 0, 0, 0)
    with open(name) as file:
        assert file.read() == "precious"


def test_a_path_that_cannot_be(tmp_path):
    for path in (str(tmp_path / "no" / "s"), str(tmp_path / ("x" * 120))):
        with pytest.raises(ClaimError) as caught:
            claim(path, 0, 0, 0)
        assert "\n" not in str(caught.value)


def test_nobody_is_there(path):
    with pytest.raises(NoProcessError, match="no process listens at"):
        Channel.open(socket_name(path, 0, 0), 1.0)
