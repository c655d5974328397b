"""The proxy's own log: levels, a file, JSON by choice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.e2e.conftest import bootstrap
from tests.support.client import fetch, get
from tests.support.proxies import Proxy
from tests.support.upstream import Script, Upstream, reply

Start = Callable[..., Proxy]
MakeUpstream = Callable[[Script], Upstream]


def served(start: Start, upstream: MakeUpstream, lease: Callable[[], int], *flags: str) -> Proxy:
    """A proxy that has answered one request."""
    server, port = upstream(Script([reply()])), lease()
    proxy = start(bootstrap(port, server.port), *flags)
    assert fetch(port, get("/")).status == 200
    return proxy


def test_json_lines(start: Start, upstream: MakeUpstream, lease: Callable[[], int]) -> None:
    proxy = served(start, upstream, lease, "--log-format", "json")
    lines = [json.loads(line) for line in proxy.stderr.splitlines()]
    assert lines
    for line in lines:
        assert line["level"] in {"trace", "debug", "info", "warning", "error", "critical"}
        assert line["message"]


def test_text_lines_name_level_and_logger(
    start: Start, upstream: MakeUpstream, lease: Callable[[], int]
) -> None:
    proxy = served(start, upstream, lease, "--log-format", "%l|%n|%v")
    assert all(len(line.split("|", 2)) == 3 for line in proxy.stderr.splitlines())
    assert any(line.startswith("info|") for line in proxy.stderr.splitlines())


def test_off_writes_nothing(start: Start, upstream: MakeUpstream, lease: Callable[[], int]) -> None:
    assert served(start, upstream, lease, "-l", "off").stderr == ""


def test_log_path(
    start: Start, upstream: MakeUpstream, lease: Callable[[], int], tmp_path: Path
) -> None:
    path = tmp_path / "proxy.log"
    proxy = served(start, upstream, lease, "--log-path", str(path))
    assert proxy.stderr == ""
    assert "info" in path.read_text()


def test_level_can_be_changed_while_running(
    start: Start, upstream: MakeUpstream, lease: Callable[[], int]
) -> None:
    proxy = served(start, upstream, lease, "-l", "warning")
    assert "  http: warning\n" in proxy.admin("/logging", "POST").text
    changed = proxy.admin("/logging?http=debug", "POST").text
    assert "  http: debug\n" in changed
    assert "  config: warning\n" in changed
