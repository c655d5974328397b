"""What is told of HTTP connections as a whole: the listener's access log, gauges of what is
buffered; and of questions to DNS and the node.

Each test runs on Envoy and on Lateen, and expects the same of both.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import bootstrap
from tests.support.client import Client, get
from tests.support.ports import PortLease
from tests.support.proxies import Proxy, envoy_command, lateen_command
from tests.support.upstream import Script, Upstream, raw, reply

FILE_LOG = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
LINE = (
    "%BYTES_RECEIVED% %BYTES_SENT% %RESPONSE_FLAGS% %PROTOCOL% %DOWNSTREAM_DETECTED_CLOSE_TYPE%"
    " %DOWNSTREAM_LOCAL_CLOSE_REASON% %RESPONSE_CODE%\n"
)
BIG = 16 << 20
LIMIT = 64 << 10
# Envoy reads at most so much at a time, and looks at the limit in between.
ENVOY_READ = 128 << 10

POST = b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n" + bytes(100)
LAST = b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
SENT = len(get("/a"))

Start = Callable[..., tuple[Proxy, int]]
Config = dict[str, Any]


@pytest.fixture(params=["envoy", "lateen"])
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Starts the proxy before a scripted upstream; `change` edits its configuration."""
    command = envoy_command() if request.param == "envoy" else lateen_command()
    if command is None:
        pytest.skip(f"no {request.param}")
    with ExitStack() as stack:

        def run(
            script: Script, change: Callable[[Config], object] | None = None, *arguments: str
        ) -> tuple[Proxy, int]:
            upstream = stack.enter_context(Upstream(script))
            port = stack.enter_context(PortLease()).port
            config: Mapping[str, object] = bootstrap(port, upstream.port)
            config = json.loads(json.dumps(config))
            if change is not None:
                change(config)
            return stack.enter_context(Proxy(command, config, arguments)), port

        yield run


def eventually(measure: Callable[[], object], expected: object) -> None:
    """Wait until `measure` gives `expected`, at most ten seconds."""
    deadline = time.monotonic() + 10
    while measure() != expected and time.monotonic() < deadline:
        time.sleep(0.03)
    assert measure() == expected


def logging_to(path: Path) -> Callable[[Config], None]:
    log = {"@type": FILE_LOG, "path": str(path)}
    log["log_format"] = {"text_format_source": {"inline_string": LINE}}  # type: ignore[assignment]

    def change(config: Config) -> None:
        listener = config["static_resources"]["listeners"][0]
        listener["access_log"] = [{"name": "file", "typed_config": log}]

    return change


def hold(client: Client) -> None:
    client.send(get("/a"))
    client.read_response()
    client.send(POST)
    client.read_response("POST")


def reset(client: Client) -> None:
    client.send(get("/a"))
    client.read_response()
    client.reset()


def half_head(client: Client) -> None:
    client.send(b"GET / HTTP/1.1\r\n")


def malformed(client: Client) -> None:
    client.send(b"GE T HTTP/1.1\r\n\r\n")
    client.read_response()
    client.state_after(5)


def last(client: Client) -> None:
    client.send(LAST)
    client.read_response()
    client.state_after(5)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        (hold, f"{SENT + len(POST)} N - HTTP/1.1 Normal - 0"),
        (reset, f"{SENT} N - HTTP/1.1 RemoteReset - 0"),
        (half_head, "16 0 - HTTP/1.1 Normal - 0"),
        (lambda _: None, "0 0 - - Normal - 0"),
        (malformed, "17 N DPE - Normal triggered_delayed_close_timeout 0"),
        (
            last,
            f"{len(LAST)} N - HTTP/1.1 Normal deferred_close_on_drained_connection 0",
        ),
    ],
    ids=["kept", "reset", "half a head", "silent", "malformed", "last request"],
)
def test_the_log_of_the_listener(
    start: Start, tmp_path: Path, talk: Callable[[Client], None], expected: str
) -> None:
    path = tmp_path / "log"
    _, port = start(Script([reply(), reply()]), logging_to(path))
    client = Client(("127.0.0.1", port))
    talk(client)
    with contextlib.suppress(OSError):
        client.close()
    eventually(lambda: path.exists() and path.read_text() != "", True)
    fields = path.read_text().splitlines()[0].split(" ")
    sent = fields[1]
    if " N " in f" {expected} ":
        assert int(sent) > 100
        fields[1] = "N"
    assert " ".join(fields) == expected


@pytest.mark.oracle
def test_what_was_read_last_is_buffered_until_the_connection_ends(start: Start) -> None:
    proxy, port = start(Script([reply(), reply()]))
    name = "http.in.downstream_cx_rx_bytes_buffered"
    with Client(("127.0.0.1", port)) as client:
        client.send(get("/a"))
        client.read_response()
        eventually(lambda: proxy.stats()[name], SENT)
        client.send(get("/bcd"))
        client.read_response()
        eventually(lambda: proxy.stats()[name], SENT + 2)
        assert proxy.stats()["cluster.be.upstream_cx_rx_bytes_buffered"] > 0
        assert proxy.stats()["http.in.downstream_cx_tx_bytes_buffered"] == 0
    eventually(lambda: proxy.stats()[name], 0)


@pytest.mark.oracle
def test_the_buffer_of_an_upstream_connection_has_its_limit(start: Start) -> None:
    def limit(config: Config) -> None:
        cluster = config["static_resources"]["clusters"][0]
        cluster["per_connection_buffer_limit_bytes"] = LIMIT

    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG
    proxy, port = start(Script([raw(head + bytes(BIG))]), limit)
    buffered = "cluster.be.upstream_cx_rx_bytes_buffered"
    unsent = "http.in.downstream_cx_tx_bytes_buffered"
    total = "cluster.be.upstream_cx_rx_bytes_total"
    with Client(("127.0.0.1", port), timeout=30) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(get("/big"))
        client.read_head()
        seen, same = -1, 0
        while same < 5:
            time.sleep(0.05)
            now = proxy.stats().get(total, 0)
            same, seen = same + 1 if now == seen else 0, now
        stats = proxy.stats()
        assert 0 < stats[buffered] <= LIMIT + ENVOY_READ
        assert stats[unsent] > 0
        left = BIG - len(client.leftover)
        while left > 0 and (data := client.socket.recv(1 << 20)):
            left -= len(data)
        assert left == 0
    eventually(lambda: proxy.stats()[unsent], 0)


@pytest.mark.oracle
def test_questions_to_dns_are_counted(start: Start) -> None:
    def by_name(config: Config) -> None:
        (cluster,) = config["static_resources"]["clusters"]
        cluster |= {"type": "STRICT_DNS", "dns_lookup_family": "V4_ONLY"}
        (group,) = cluster["load_assignment"]["endpoints"]
        (endpoint,) = group["lb_endpoints"]
        endpoint["endpoint"]["address"]["socket_address"]["address"] = "localhost"

    proxy, _ = start(Script([]), by_name)
    stats = proxy.stats("filter=dns.cares")
    expected = dict.fromkeys(
        ("get_addr_failure", "not_found", "pending_resolutions", "reinits", "timeouts"), 0
    )
    expected["resolve_total"] = 1
    assert stats == {f"dns.cares.{name}": value for name, value in expected.items()}


@pytest.mark.oracle
def test_the_dump_shows_the_node_of_the_file(start: Start) -> None:
    def named(config: Config) -> None:
        config["node"] = {"id": "file", "cluster": "c", "locality": {"region": "r"}}

    flags = ("--service-node", "flag", "--service-cluster", "d", "--service-zone", "z")
    proxy, _ = start(Script([]), named, *flags)
    dump = json.loads(proxy.admin("/config_dump").body)
    node = dump["configs"][0]["bootstrap"]["node"]
    assert (node["id"], node["cluster"], node["locality"]) == ("file", "c", {"region": "r"})
    node = json.loads(proxy.admin("/server_info").body)["node"]
    assert (node["id"], node["cluster"], node["locality"]["zone"]) == ("flag", "d", "z")
