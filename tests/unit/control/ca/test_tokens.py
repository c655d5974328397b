import stat

import pytest

from lateen.control.ca import tokens as subject
from lateen.control.ca.tokens import TokenError, Tokens


@pytest.fixture
def tokens(tmp_path):
    return Tokens(tmp_path)


def test_a_token_is_good_once(tokens):
    known = tokens.check(tokens.create("shop", "web", 60))
    assert (known.grant.namespace, known.grant.service_account) == ("shop", "web")
    assert known.state == "ready"
    tokens.spend(known)
    assert [one.state for one in tokens.known()] == ["used"]


def test_who_comes_second_with_a_token_that_was_good_for_both_is_refused(tmp_path):
    one, other = Tokens(tmp_path), Tokens(tmp_path)
    token = one.create("shop", "web", 60)
    first, second = one.check(token), other.check(token)
    other.spend(second)
    with pytest.raises(TokenError, match="was used already, or revoked"):
        one.spend(first)
    with pytest.raises(TokenError, match=r"join token [0-9a-f]{16} was used already"):
        one.check(token)


def test_what_is_kept_does_not_tell_the_token(tokens, tmp_path):
    token = tokens.create("shop", "web", 60)
    (path,) = (tmp_path / "join-tokens").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert token.partition(".")[2] not in path.read_text()


def test_a_token_that_was_revoked_is_unknown(tokens):
    token = tokens.create("shop", "web", 60)
    identifier = token.partition(".")[0]
    known = tokens.check(token)
    tokens.revoke(identifier)
    with pytest.raises(TokenError, match="is unknown"):
        tokens.check(token)
    with pytest.raises(TokenError, match="was used already, or revoked"):
        tokens.spend(known)
    with pytest.raises(TokenError, match=r"no token .* that could be used"):
        tokens.revoke(identifier)


@pytest.mark.parametrize("identifier", ["../ca-key.pem", "", "0123456789ABCDEF"])
def test_what_is_no_id_is_not_revoked(tokens, identifier):
    with pytest.raises(TokenError, match="is no id of a token"):
        tokens.revoke(identifier)


def test_a_token_that_is_over_is_forgotten_a_week_later(tokens, monkeypatch):
    tokens.create("shop", "old", 60)
    old = tokens.create("shop", "spent", 60)
    tokens.spend(tokens.check(old))
    later = subject.time.time() + 8 * 86_400
    monkeypatch.setattr(subject.time, "time", lambda: later)
    assert [one.state for one in tokens.known()] == ["expired", "used"]
    tokens.create("shop", "new", 60)
    assert [one.grant.service_account for one in tokens.known()] == ["new"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "join-tokens").write_text("")
    with pytest.raises(TokenError, match=r"cannot keep a token in .*join-tokens"):
        Tokens(tmp_path).create("shop", "web", 60)
