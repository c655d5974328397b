"""Frames and fields of the messages, and the handshake; no sockets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.proxy.hot_restart.hello import CHILD, Hello, VersionError, read_hello, refusal
from lateen.proxy.hot_restart.names import kernel_name, socket_name
from lateen.proxy.hot_restart.wire import (
    PROTOCOL,
    Decoder,
    WireError,
    encode,
    number_of,
    numbers_of,
    text_of,
    texts_of,
)

HELLO = Hello(CHILD, PROTOCOL, "lateen 1", 71, 3, "LIVE", 5, 0)
MESSAGES = st.lists(st.dictionaries(st.text(), st.text() | st.integers()), max_size=4)


@given(MESSAGES, st.data())
def test_messages_arrive_whole_however_they_are_cut(bodies, data):
    messages = [{**body, "type": "t"} for body in bodies]
    stream = b"".join(encode(message) for message in messages)
    decoder, found = Decoder(), []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        found += decoder.feed(stream[:cut])
        stream = stream[cut:]
    assert found == messages


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n", "begins with b'HTTP/1.1 200 OK"),
        (b"l!", "begins with b'l!'"),
        (b"lthr\xff\xff\xff\xff", "a message of 4294967295 bytes"),
        (b"lthr\0\0\0\1{", "not JSON"),
        (b"lthr\0\0\0\2[]", "without a type"),
        (b'lthr\0\0\0\x0a{"type":1}', "without a type"),
    ],
)
def test_what_is_no_message_is_refused(data, reason):
    with pytest.raises(WireError, match="^.*" + reason.replace("[", r"\[")):
        list(Decoder().feed(data))


def test_fields_have_their_types():
    message = {"type": "t", "a": "x", "n": 1, "l": ["x"], "d": {"x": -1}}
    assert text_of(message, "a") == "x"
    assert number_of(message, "n") == 1
    assert texts_of(message, "l") == ["x"]
    assert numbers_of(message, "d") == {"x": -1}
    for read, name in [
        (text_of, "n"), (number_of, "a"), (number_of, "b"), (texts_of, "d"), (numbers_of, "l"),
    ]:  # fmt: skip
        with pytest.raises(WireError, match=f"t: {name} is not"):
            read(message, name)
    for value in (True, -1, 1.5):
        with pytest.raises(WireError):
            number_of({"type": "t", "n": value}, "n")


def test_a_hello_survives_the_way():
    assert read_hello(HELLO.message()) == HELLO


def test_another_version_is_named_with_what_to_do():
    later = HELLO._replace(protocol=PROTOCOL + 1, software="lateen 9").message()
    with pytest.raises(VersionError) as caught:
        read_hello(later)
    text = str(caught.value)
    assert "lateen 9 (pid 71)" in text
    assert f"version {PROTOCOL + 1}" in text
    assert "--restart-epoch 0" in text
    assert "\n" not in text


def test_the_first_message_must_be_a_hello():
    with pytest.raises(WireError, match="first message is 'stats'"):
        read_hello({"type": "stats"})


@pytest.mark.parametrize(
    ("state", "child", "reason"),
    [
        ("LIVE", 0, ""),
        ("INITIALIZING", 0, "epoch 3 (pid 71) is initializing: try again once it is live"),
        ("PRE_INITIALIZING", 0, "epoch 3 (pid 71) is pre initializing: try again once it is live"),
        ("DRAINING", 0, "epoch 3 (pid 71) is draining: try again once it is live"),
        ("LIVE", 9, "epoch 3 (pid 71) is being replaced already, by pid 9: wait until that"),
    ],
)
def test_who_can_be_replaced(state, child, reason):
    assert refusal(HELLO._replace(state=state, child=child)).startswith(reason or "")
    assert bool(refusal(HELLO._replace(state=state, child=child))) == bool(reason)


def test_names_are_those_of_envoy():
    assert socket_name("@envoy_domain_socket", 0, 0) == "@envoy_domain_socket_parent_0"
    assert socket_name("/run/x", 7, 4) == "/run/x_parent_71"
    assert socket_name("/run/x", 7, 1) == socket_name("/run/x", 7, 4)
    assert kernel_name("@a") == "\0a"
    assert kernel_name("/a") == "/a"
