"""The admin listener on real sockets."""

import asyncio
import socket

import pytest

from lateen.protos import worker_pb2
from lateen.proxy.admin.access_log import AdminAccessLog
from lateen.proxy.admin.connection import AdminParts
from lateen.proxy.admin.exchange import AdminResponse
from lateen.proxy.admin.listener import AdminBindError, AdminListener
from lateen.proxy.log.logger import Log
from lateen.proxy.log.pattern import compile_pattern
from lateen.proxy.stats.admin_listener import AdminListenerStats
from lateen.proxy.stats.histograms import Histograms

LOOPBACK = worker_pb2.Address(socket=worker_pb2.SocketAddress(host="127.0.0.1"))


def parts_of(dispatch, logs=()):
    stats = AdminListenerStats(Histograms())
    return AdminParts(dispatch, stats, AdminAccessLog(logs), Log(compile_pattern("%v")))


def echo(request):
    return AdminResponse(f"{request.method} {request.path} {sorted(request.query.items())}")


def talk(data, dispatch=echo, address=LOOPBACK, logs=()):
    """What comes back for some bytes until the listener closes, and its stats."""

    async def run():
        parts = parts_of(dispatch, logs)
        listener = AdminListener(parts, address)
        name = await listener.listen()
        try:
            if name.startswith("/"):
                reader, writer = await asyncio.open_unix_connection(name)
            else:
                reader, writer = await asyncio.open_connection(*name.rsplit(":", 1))
            writer.write(data)
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            return answer, parts.stats
        finally:
            await listener.close()

    answer, stats = asyncio.run(run())
    values = {
        scope.prefix + stat.name: stat.value for scope in stats.scopes() for stat in scope.stats()
    }
    return answer.decode(), values


def test_headers_in_envoys_order():
    answer, _ = talk(b"GET /a?b=c%20d&e HTTP/1.1\r\nhost: x\r\n\r\n")
    head, _, body = answer.partition("\r\n\r\n")
    lines = head.split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    assert [line.split(":")[0] for line in lines[1:]] == [
        "content-type",
        "cache-control",
        "x-content-type-options",
        "date",
        "server",
        "transfer-encoding",
    ]
    assert "GET /a [('b', 'c d'), ('e', '')]" in body
    assert body.endswith("\r\n0\r\n\r\n")


def test_requests_follow_each_other():
    answer, values = talk(
        b"POST /one HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc"
        b"HEAD /two HTTP/1.1\r\nhost: x\r\n\r\n"
        b"GET /three HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    )
    assert answer.count("HTTP/1.1 200 OK") == 3
    assert "POST /one" in answer
    assert "HEAD /two" not in answer
    assert "connection: close" in answer
    assert values["http.admin.downstream_rq_2xx"] == 3
    assert values["http.admin.downstream_cx_active"] == 0


def test_http_1_0_is_told_to_upgrade():
    answer, _ = talk(b"GET /a HTTP/1.0\r\n\r\n")
    assert answer.startswith("HTTP/1.1 426 Upgrade Required\r\ncontent-length: 16\r\n")
    assert answer.endswith("\r\n\r\nUpgrade Required")


def test_a_form_is_a_query_unless_there_is_one():
    head = "HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n"
    form = f"{head}content-length: 7\r\n\r\na=b&c=d".encode()
    assert "POST /f [('a', 'b'), ('c', 'd')]" in talk(b"POST /f " + form)[0]
    assert "POST /f [('q', '')]" in talk(b"POST /f?q " + form)[0]


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("//a///b", "/a/b"),
        ("/./a", "/a"),
        ("/x/../a", "/a"),
        ("/../a/", "/a/"),
        ("/%61", "/a"),
        ("/a%2Fb", "/a%2Fb"),
        ("/", "/"),
    ],
)
def test_paths_are_normalized(target, path):
    answer, _ = talk(f"GET {target}?b//c HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    assert f"GET {path} [('b//c', '')]" in answer


@pytest.mark.parametrize(
    "data",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /a HTTP/1.1\r\n\r\n",
        b"GET /a HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n",
        b"GET /a HTTP/1.1\r\nhost: x\r\nbad name: 1\r\n\r\n",
        b"FOO /a HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET a HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /a#b HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /a HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(data):
    answer, values = talk(data)
    assert answer.startswith("HTTP/1.1 400 Bad Request\r\n")
    assert values["http.admin.downstream_cx_protocol_error"] == 1


def test_a_long_answer_is_streamed():
    pieces = ["x" * 40000] * 50
    answer, values = talk(
        b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n", lambda _: AdminResponse(iter(pieces))
    )
    assert answer.partition("\r\n\r\n")[2].count("x") == 2_000_000
    assert values["http.admin.downstream_cx_tx_bytes_total"] > 2_000_000


def test_a_unix_socket(tmp_path):
    path = tmp_path / "admin.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    answer, _ = talk(
        b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n",
        address=worker_pb2.Address(pipe=str(path), pipe_mode=0o600),
    )
    assert "GET /a" in answer
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_address_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        address = worker_pb2.Address(socket=worker_pb2.SocketAddress(host="127.0.0.1", port=port))
        with pytest.raises(AdminBindError, match=f"127.0.0.1:{port}.*in use"):
            talk(b"", address=address)


def test_access_log(tmp_path):
    default, text, as_json = (tmp_path / name for name in ("default", "text", "json"))
    command = worker_pb2.Command(name="RESPONSE_CODE")
    agent = worker_pb2.Command(name="REQ", argument="X-NONE?USER-AGENT", max_length=3)
    logs = [worker_pb2.AccessLog(path=str(each)) for each in (default, text, as_json)]
    for piece in ({"command": command}, {"literal": " "}, {"command": agent}, {"literal": "\n"}):
        logs[1].text.pieces.add(**piece)
    member = logs[2].json.object.members.add(name="code")
    member.value.format.pieces.add(command=command)
    talk(b"GET /a?b HTTP/1.1\r\nhost: h\r\nuser-agent: curl\r\n\r\n", logs=logs)
    line = default.read_text()
    assert '"GET /a?b HTTP/1.1" 200 - 0 ' in line
    assert line.endswith(' - "-" "curl" "-" "h" "-"\n')
    assert text.read_text() == "200 cur\n"
    assert as_json.read_text() == '{"code": 200}\n'
