import asyncio
import socket
from http import HTTPStatus

import pytest

from lateen.agent.status import DRAIN, READY, Status, StatusError


async def ask(port, data, host="127.0.0.1"):
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(data)
    found = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return found.decode()


def answers(*requests, ready=(HTTPStatus.OK, "ready")):
    """What each request is answered, and how often something was drained."""
    drained = []

    async def is_ready():
        return ready

    async def drain():
        drained.append(1)
        return HTTPStatus.OK, "drained"

    async def run():
        status = Status(is_ready, {DRAIN: drain})
        port = await status.listen(0)
        try:
            return [await ask(port, one) for one in requests]
        finally:
            status.close()

    return asyncio.run(run()), len(drained)


def request(method, path):
    return f"{method} {path} HTTP/1.1\r\nhost: a\r\n\r\n".encode()


@pytest.mark.parametrize("status", [HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE])
def test_readiness_is_told_with_what_is_missing(status):
    (told,), _ = answers(request("GET", READY), ready=(status, "something"))
    assert told.startswith(f"HTTP/1.1 {int(status)} ")
    assert told.endswith("\r\n\r\nsomething\n")


def test_a_head_is_told_the_length_alone():
    (told,), _ = answers(request("HEAD", READY))
    assert told.startswith("HTTP/1.1 200 ")
    assert "content-length: 6\r\n" in told
    assert told.endswith("\r\n\r\n")


def test_commands_are_posts():
    told, drained = answers(
        request("GET", DRAIN), request("POST", DRAIN), request("GET", "/elsewhere")
    )
    assert [one.split()[1] for one in told] == ["405", "200", "404"]
    assert drained == 1


def test_both_families_are_listened_to():
    async def is_ready():
        return HTTPStatus.OK, "ready"

    async def run():
        status = Status(is_ready, {})
        port = await status.listen(0)
        try:
            return await ask(port, request("GET", READY), host="::1")
        finally:
            status.close()

    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    assert asyncio.run(run()).startswith("HTTP/1.1 200 ")


@pytest.mark.parametrize("data", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000])
def test_what_is_no_request_is_told(data):
    (told,), _ = answers(data)
    assert told.startswith("HTTP/1.1 4")


def test_a_port_that_is_taken_is_told():
    async def run():
        first, second = Status(None, {}), Status(None, {})
        port = await first.listen(0)
        try:
            await second.listen(port)
        finally:
            first.close()

    with pytest.raises(StatusError, match="--ready-port: cannot listen to"):
        asyncio.run(run())
