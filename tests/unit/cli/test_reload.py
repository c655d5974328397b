"""The command line of the next epoch."""

import pytest

from lateen.cli import main as main_module
from lateen.cli.reload import next_command
from lateen.proxy.hot_restart.succession import SuccessionError

OWN = ["--base-id", "7", "--restart-epoch", "3"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["-c", "a.yaml"], ["-c", "a.yaml"]),
        (["--restart-epoch", "2", "-c", "a", "--base-id", "7"], ["-c", "a"]),
        (["--restart-epoch=2", "--base-id=7", "--strict"], ["--strict"]),
        (["--use-dynamic-base-id", "-c", "a"], ["-c", "a"]),
        (["--service-node", "--base-id", "-c", "a"], ["--service-node", "--base-id", "-c", "a"]),
        (["-c", "a", "--", "--base-id", "1"], ["-c", "a", "--", "--base-id", "1"]),
    ],
)
def test_flags_of_the_next_epoch(before, after):
    found = next_command(["/py", "/bin/lateen", "proxy", *before], 3, 7)
    assert found == ["/py", "/bin/lateen", "proxy", *OWN, *after]


def test_another_program():
    with pytest.raises(SuccessionError, match="not started by lateen proxy"):
        next_command(["/py", "run.py"], 1, 0)


def test_nobody_to_replace(capsys):
    assert main_module.main(["reload", "--socket-path", "@lateen-test-nobody"]) == 1
    assert capsys.readouterr().err == "lateen reload: no proxy with base id 0 is running here\n"


def test_an_admin_address_where_nobody_is(capsys):
    from tests.support.ports import PortLease

    with PortLease() as lease:
        assert main_module.main(["reload", "--admin-address", f"127.0.0.1:{lease.port}"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot ask the admin address" in line
