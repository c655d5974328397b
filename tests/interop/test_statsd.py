"""Stats over UDP: the same lines of the real Envoy and of Lateen."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest

from tests.interop.xds_setting import LIMIT, Setting

PREFIX = "type.googleapis.com/envoy.config.metrics.v3."
TAGS = "|#envoy.response_code:200,envoy.cluster_name:a"


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("StatsdSink", "here.cluster.a.upstream_rq_200:{}|c"),
        ("DogStatsdSink", f"here.cluster.upstream_rq:{{}}|c{TAGS}"),
    ],
)
def test_what_was_counted_is_sent(command, kind, line):
    with contextlib.ExitStack() as stack:
        receiver = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(LIMIT)
        setting = Setting(command, False, stack)
        port = receiver.getsockname()[1]
        address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
        typed = {"@type": PREFIX + kind, "prefix": "here", "address": address}
        setting.bootstrap["stats_sinks"] = [{"name": "sink", "typed_config": typed}]
        setting.bootstrap["stats_flush_interval"] = "0.2s"
        setting.start()
        assert [setting.ask() for _ in range(3)] == ["one"] * 3
        seen = [line.format(number) for number in range(1, 4)]
        assert sum(seen.index(each) + 1 for each in counts(receiver, seen)) == 3
        # From then on nothing more.
        assert next(counts(receiver, [line.format(0)])) == line.format(0)


def counts(receiver, wanted):
    """Lines that are wanted, as they come, until as much was counted."""
    deadline = time.monotonic() + LIMIT
    total = 0
    while total < 3:
        assert time.monotonic() < deadline, f"none of {wanted} came"
        for each in receiver.recv(65536).decode().split("\n"):
            if each in wanted:
                total += wanted.index(each) + 1
                yield each
