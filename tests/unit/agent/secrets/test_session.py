import pytest

from lateen.agent.secrets.service import DEFAULT, ROOTS
from lateen.agent.secrets.session import Session
from lateen.xds.messages import DeltaRequest, SotwRequest
from lateen.xds.resource_types import SDS

FIRST = {DEFAULT: b"certificate 1", ROOTS: b"roots 1"}
SECOND = {DEFAULT: b"certificate 2", ROOTS: b"roots 1"}


def asks(*names, nonce="", error=None):
    return SotwRequest(SDS.type_url, names=names, nonce=nonce, error=error)


def asks_delta(*names, unsubscribe=(), nonce="", error=None):
    return DeltaRequest(SDS.type_url, names, unsubscribe, nonce=nonce, error=error)


def told(response):
    return {one.name: one.body for one in response.resources}


@pytest.mark.parametrize(("delta", "ask"), [(False, asks), (True, asks_delta)])
def test_a_secret_is_sent_once_and_again_when_it_changes(delta, ask):
    session = Session(delta=delta)
    first = session.on_request(ask(DEFAULT), FIRST)
    assert told(first) == {DEFAULT: b"certificate 1"}
    again = (DEFAULT,) if not delta else ()
    assert session.on_request(ask(*again, nonce=first.nonce), FIRST) is None
    assert session.on_change(FIRST) is None
    second = session.on_change(SECOND)
    assert told(second) == {DEFAULT: b"certificate 2"}
    assert second.nonce != first.nonce


@pytest.mark.parametrize(("delta", "ask"), [(False, asks), (True, asks_delta)])
def test_a_refusal_is_not_answered_until_the_secret_changes(delta, ask):
    session = Session(delta=delta)
    first = session.on_request(ask(DEFAULT), FIRST)
    again = (DEFAULT,) if not delta else ()
    assert session.on_request(ask(*again, nonce=first.nonce, error="no"), FIRST) is None
    assert told(session.on_change(SECOND)) == {DEFAULT: b"certificate 2"}


def test_state_of_the_world_tells_all_that_is_wanted_and_delta_what_is_new():
    whole, delta = Session(delta=False), Session(delta=True)
    assert told(whole.on_request(asks(DEFAULT, ROOTS), FIRST)) == FIRST
    assert told(whole.on_change(SECOND)) == SECOND
    assert told(delta.on_request(asks_delta(DEFAULT, ROOTS), FIRST)) == FIRST
    assert told(delta.on_change(SECOND)) == {DEFAULT: b"certificate 2"}


def test_a_request_about_an_answer_that_is_not_the_last_is_left_out():
    session = Session(delta=False)
    first = session.on_request(asks(DEFAULT), FIRST)
    session.on_change(SECOND)
    assert session.on_request(asks(DEFAULT, ROOTS, nonce=first.nonce), SECOND) is None


def test_what_is_not_wanted_any_more_is_not_sent():
    session = Session(delta=True)
    first = session.on_request(asks_delta(DEFAULT), FIRST)
    session.on_request(asks_delta(unsubscribe=[DEFAULT], nonce=first.nonce), FIRST)
    assert session.on_change(SECOND) is None


def test_a_secret_that_is_not_there_yet_comes_when_it_is():
    session = Session(delta=False)
    assert session.on_request(asks(DEFAULT), {}) is None
    assert told(session.on_change(FIRST)) == {DEFAULT: b"certificate 1"}
