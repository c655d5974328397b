import re

import pytest

from lateen.cli.main import main
from lateen.control.ca.tokens import Tokens

IDENTITY = ("--namespace", "shop", "--service-account", "web")


def run(capsys, *arguments):
    code = main(["token", *arguments])
    done = capsys.readouterr()
    return code, done.out, done.err


def test_a_token_is_printed_once_and_listed_without_its_secret(tmp_path, capsys):
    code, token, _ = run(capsys, "create", "--ca", str(tmp_path), *IDENTITY, "--ttl", "30m")
    assert code == 0
    known = Tokens(tmp_path).check(token.strip())
    assert known.grant.expires - known.grant.created == 1800
    code, listed, _ = run(capsys, "list", "--ca", str(tmp_path))
    assert code == 0
    row = listed.splitlines()[1]
    assert re.fullmatch(rf"{known.id} +shop +web +ready +\d{{4}}-\d\d-\d\dT[\d:]{{8}}Z", row)
    assert token.strip().partition(".")[2] not in listed


def test_a_token_is_revoked_by_its_id(tmp_path, capsys):
    identifier = Tokens(tmp_path).create("shop", "web", 60).partition(".")[0]
    assert run(capsys, "revoke", identifier, "--ca", str(tmp_path)) == (0, "", "")
    assert Tokens(tmp_path).known() == []
    code, _, told = run(capsys, "revoke", identifier, "--ca", str(tmp_path))
    assert code == 1
    assert told == f"lateen token: no token {identifier} that could be used\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--ttl", "soon"), "'soon' is no duration such as 1h30m, 5s or 250ms"),
        (("--ttl", "-1h"), "--ttl: -1h is not longer than nothing"),
        (("--namespace", "a/b"), "'a/b' is no name of a namespace or service account"),
    ],
)
def test_what_makes_no_token(tmp_path, capsys, arguments, message):
    code, out, told = run(capsys, "create", "--ca", str(tmp_path), *IDENTITY, *arguments)
    assert (code, out, told) == (1, "", f"lateen token: {message}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_there_is_not_made(tmp_path, capsys):
    absent = tmp_path / "absent"
    code, _, told = run(capsys, "create", "--ca", str(absent), *IDENTITY)
    assert (code, absent.exists()) == (1, False)
    assert told.startswith(f"lateen token: cannot keep a token in {absent}/join-tokens: No such")
