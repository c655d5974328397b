"""Whether a process serves."""

import asyncio
import os
import socket

import pytest

from lateen.mesh.ready import answers, listens


@pytest.mark.parametrize(
    ("address", "asked"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "10.1.2.3")]
)
def test_a_port_is_listened_to_at_an_address_or_at_all(address, asked):
    with socket.socket() as one:
        one.bind((address, 0))
        port = one.getsockname()[1]
        assert not listens(os.getpid(), asked, [port])
        one.listen()
        assert listens(os.getpid(), asked, [port])
        assert listens(os.getpid(), asked, [])
        assert not listens(os.getpid(), asked, [port, 1])


def test_another_address_does_not_count():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        assert not listens(os.getpid(), "127.0.0.2", [one.getsockname()[1]])


def test_ipv6_counts():
    with socket.socket(socket.AF_INET6) as one:
        try:
            one.bind(("::", 0))
        except OSError as error:
            pytest.skip(f"no IPv6 here: {error.strerror}")
        one.listen()
        assert listens(os.getpid(), "127.0.0.1", [one.getsockname()[1]])


def test_a_process_that_is_gone_listens_to_nothing():
    assert not listens(2**22 + 1, "127.0.0.1", [1])


@pytest.mark.parametrize(
    ("sent", "expected"),
    [(b"HTTP/1.1 200 OK\r\n\r\n", True), (b"HTTP/1.1 503 No\r\n\r\n", False), (b"", False)],
)
def test_an_answer_of_200_is_one(sent, expected):
    async def scene():
        asked = []

        async def serve(reader, writer):
            asked.append(await reader.readline())
            writer.write(sent)
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            assert await answers("127.0.0.1", port, "/ready") is expected
        assert asked == [b"GET /ready HTTP/1.1\r\n"]
        assert not await answers("127.0.0.1", port, "/ready")

    asyncio.run(scene())
