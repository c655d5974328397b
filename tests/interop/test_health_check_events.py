"""Hosts that come and go: what each result of a check does is what it does in Envoy.

The log of events has every result; the upstream decides what they are, so that no time matters.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.interop.cases.health_checks import HEAD, SERVING, trailers
from tests.interop.cases.http2_upstream import OPTIONS
from tests.support.events import read_events
from tests.support.http2 import INTERNAL_ERROR, NO_ERROR, GoAway, rst
from tests.support.http2_upstream import Script2, Upstream2, frames, reply2
from tests.support.proxies import Proxy, envoy_command, lateen_command
from tests.support.upstream import Close, Hold, Reset, Script, Upstream, raw, reply, tcp

TIMES = {
    "timeout": "0.3s",
    "interval": "0.05s",
    "no_traffic_interval": "0.05s",
    "unhealthy_threshold": 2,
    "healthy_threshold": 2,
    "always_log_health_check_failures": True,
    "always_log_health_check_success": True,
}
GOOD = reply(200, b"")
BAD = reply(503, b"")
DEGRADED = reply(200, b"", "x-envoy-degraded: 1\r\n")
EXCLUDED = reply(503, b"", "x-envoy-immediate-health-check-fail: 1\r\n")
CLOSED = raw(Close())
HTTP = {"http_health_check": {"path": "/hc"}}
RETRIABLE = {
    "http_health_check": {"path": "/hc", "retriable_statuses": [{"start": 500, "end": 600}]}
}
_HTTP2 = {
    "typed_extension_protocol_options": {
        OPTIONS: {
            "@type": f"type.googleapis.com/{OPTIONS}",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
}


class Flapping(NamedTuple):
    """What is asked, how the upstream answers in turn, and how many events that gives."""

    check: dict[str, object]
    script: Script | Script2
    events: int


SCENARIOS = {
    "http": Flapping(HTTP, Script([GOOD, GOOD, BAD, BAD, GOOD, BAD, GOOD, GOOD, GOOD]), 11),
    "http_first_fails": Flapping(HTTP, Script([BAD, GOOD, GOOD, GOOD]), 4),
    "http_network": Flapping(
        HTTP, Script([GOOD, CLOSED, GOOD, CLOSED, CLOSED, CLOSED, GOOD, GOOD]), 9
    ),
    "http_reset": Flapping(HTTP, Script([GOOD, raw(Reset()), raw(Reset()), GOOD, GOOD]), 6),
    "http_retriable": Flapping(RETRIABLE, Script([GOOD, BAD, GOOD, BAD, BAD, GOOD]), 7),
    "http_degraded": Flapping(
        HTTP, Script([DEGRADED, DEGRADED, GOOD, DEGRADED, BAD, GOOD, GOOD, GOOD]), 13
    ),
    "http_excluded": Flapping(HTTP, Script([GOOD, EXCLUDED, BAD, GOOD, GOOD, GOOD]), 7),
    "http_timeout": Flapping(HTTP, Script([GOOD, raw(Hold()), raw(Hold()), BAD, GOOD, GOOD]), 7),
    "http_no_reuse": Flapping(
        {**HTTP, "reuse_connection": False}, Script([GOOD, BAD, GOOD, GOOD, GOOD]), 6
    ),
    "http_without_every_result": Flapping(
        {
            **HTTP,
            "always_log_health_check_failures": False,
            "always_log_health_check_success": False,
        },
        Script([BAD, GOOD, GOOD, GOOD, BAD, BAD, GOOD]),
        3,
    ),
    "tcp": Flapping({"tcp_health_check": {}}, tcp(Close()), 3),
    "tcp_payload": Flapping(
        {"tcp_health_check": {"receive": [{"text": "61"}]}, "reuse_connection": False},
        tcp(b"a", Hold()),
        3,
    ),
    "grpc": Flapping(
        {"grpc_health_check": {}},
        Script2(
            [
                frames(HEAD, SERVING, trailers("0")),
                frames(HEAD, SERVING, trailers("14")),
                frames(HEAD, SERVING, trailers("0")),
                reply2(503),
                frames(HEAD, SERVING, trailers("0")),
                frames(HEAD, SERVING, trailers("0")),
                frames(rst(INTERNAL_ERROR)),
                frames(HEAD, SERVING, trailers("0")),
            ]
        ),
        9,
    ),
    "grpc_goes_away": Flapping(
        {"grpc_health_check": {}},
        Script2([frames(GoAway(NO_ERROR, 1), HEAD, SERVING, trailers("0"))]),
        3,
    ),
}


def _events(command: list[str], path: Path, scenario: Flapping) -> list[dict[str, object]]:
    """The first events of a cluster of one host."""
    http2 = isinstance(scenario.script, Script2)
    with Upstream2(scenario.script) if http2 else Upstream(scenario.script) as upstream:
        address = {"socket_address": {"address": "127.0.0.1", "port_value": upstream.port}}
        cluster = {
            "name": "be",
            **(_HTTP2 if http2 else {}),
            "health_checks": [{**TIMES, **scenario.check, "event_log_path": str(path)}],
            "load_assignment": {
                "cluster_name": "be",
                "endpoints": [
                    {
                        "locality": {"region": "r", "zone": "z"},
                        "lb_endpoints": [
                            {
                                "endpoint": {"address": address},
                                "metadata": {"filter_metadata": {"a": {"b": "c"}}},
                            }
                        ],
                    }
                ],
            },
        }
        with Proxy(command, {"static_resources": {"clusters": [cluster]}}):
            events = read_events(path, scenario.events)
    for event in events:
        assert str(event.pop("timestamp")).endswith("Z")
        host: dict[str, dict[str, object]] = event["host"]  # type: ignore[assignment]
        assert host["socket_address"].pop("port_value") == upstream.port
    return events


@pytest.mark.oracle
@pytest.mark.parametrize("name", SCENARIOS)
def test_events_are_those_of_envoy(name: str, tmp_path: Path) -> None:
    envoy, lateen = envoy_command(), lateen_command()
    if envoy is None or lateen is None:
        pytest.skip("no real Envoy or no lateen command: run make build")
    theirs = _events(envoy, tmp_path / "envoy", SCENARIOS[name])
    assert _events(lateen, tmp_path / "lateen", SCENARIOS[name]) == theirs
