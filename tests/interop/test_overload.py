"""What is shed when resources are short: the same of the real Envoy and of Lateen.

The pressure is in a file that the tests write.
"""

from __future__ import annotations

import contextlib
import os
import time

import pytest

from tests.interop.xds_setting import LIMIT, attempt
from tests.support.client import Client
from tests.support.http2 import ask as ask_http2
from tests.support.http2 import connect
from tests.support.ports import PortLease
from tests.support.proxies import Proxy
from tests.support.upstream import Answer, Script, Send, Upstream

PREFIX = "type.googleapis.com/"
MONITOR = "envoy.resource_monitors.injected_resource"
LOG = PREFIX + "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"
HCM = PREFIX + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = PREFIX + "envoy.extensions.filters.http.router.v3.Router"
TIMERS = PREFIX + "envoy.config.overload.v3.ScaleTimersOverloadActionConfig"
FULL = {"name": MONITOR, "threshold": {"value": 0.9}}
SCALED = {"name": MONITOR, "scaled": {"scaling_threshold": 0.5, "saturation_threshold": 0.9}}


def action(name, trigger=FULL, **more):
    return {"name": f"envoy.overload_actions.{name}", "triggers": [trigger], **more}


def point(name):
    return {"name": f"envoy.load_shed_points.{name}", "triggers": [FULL]}


def reduced(timer, **shortest):
    config = {"@type": TIMERS, "timer_scale_factors": [{"timer": timer, **shortest}]}
    return action("reduce_timeouts", SCALED, typed_config=config)


def bootstrap(port, upstream, pressure, actions, points, manager, listener):
    text = "%PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n"
    log = {"@type": LOG, "log_format": {"text_format_source": {"inline_string": text}}}
    host = {
        "name": "v",
        "domains": ["*"],
        "response_headers_to_add": [{"header": {"key": "x-host", "value": "v"}}],
        "routes": [
            {"match": {"path": "/direct"}, "direct_response": {"status": 200}},
            {"match": {"prefix": "/"}, "route": {"cluster": "c"}},
        ],
    }
    typed = {
        "@type": HCM,
        "stat_prefix": "in",
        "access_log": [{"name": "log", "typed_config": log}],
        "route_config": {"virtual_hosts": [host]},
        "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}],
        **manager,
    }

    def address(port):
        return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

    injected = PREFIX + "envoy.extensions.resource_monitors.injected_resource.v3"
    monitor = {"@type": f"{injected}.InjectedResourceConfig", "filename": str(pressure)}
    endpoint = {"endpoint": {"address": address(upstream)}}
    return {
        "static_resources": {
            "listeners": [
                {
                    "name": "l",
                    "address": address(port),
                    "filter_chains": [{"filters": [{"name": "hcm", "typed_config": typed}]}],
                    **listener,
                }
            ],
            "clusters": [
                {
                    "name": "c",
                    "type": "STATIC",
                    "load_assignment": {
                        "cluster_name": "c",
                        "endpoints": [{"lb_endpoints": [endpoint]}],
                    },
                }
            ],
        },
        "overload_manager": {
            "refresh_interval": "0.02s",
            "resource_monitors": [{"name": MONITOR, "typed_config": monitor}],
            "actions": actions,
            "loadshed_points": points,
        },
    }


class Setting:
    """A proxy with an overload manager, a service behind it, and the pressure."""

    def __init__(self, command, stack, directory):
        self._command = command
        self._stack = stack
        self._pressure = directory / "pressure"
        self._new = directory / "new"
        self.port = stack.enter_context(PortLease()).port
        answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nup"
        self.upstream = stack.enter_context(Upstream(Script([Answer((Send(answer),))]))).port

    def start(self, *actions, points=(), manager=None, **listener):
        self._write(0.1)
        names = [list(actions), [point(name) for name in points]]
        made = bootstrap(self.port, self.upstream, self._pressure, *names, manager or {}, listener)
        self.proxy = self._stack.enter_context(Proxy(self._command, made))
        self.at(0.2)

    def at(self, pressure):
        """Waits until the pressure is known."""
        self._write(pressure)
        shown = int(pressure * 100)
        self.until(shown, lambda: self.stat(f"overload.{MONITOR}.pressure"))
        # Workers are told after it is shown.
        time.sleep(0.1)

    def _write(self, pressure):
        self._new.write_text(str(pressure))
        os.replace(self._new, self._pressure)

    def stat(self, name):
        return self.proxy.stats()[name]

    def until(self, wanted, what):
        deadline = time.monotonic() + LIMIT
        while (seen := attempt(what)) != wanted:
            assert time.monotonic() < deadline, f"{seen!r}, not {wanted!r}"
            time.sleep(0.02)

    def client(self):
        return Client(("127.0.0.1", self.port), timeout=5)

    def ask(self, path="/direct"):
        with self.client() as client:
            return ask(client, path)

    def logged(self):
        return self.proxy.stdout.splitlines()


def ask(client, path="/direct"):
    """Status, body, and those of the headers that tell of overload."""
    client.send(f"GET {path} HTTP/1.1\r\nhost: h\r\n\r\n".encode())
    response = client.read_response()
    names = ("connection", "x-host", "x-envoy-local-overloaded", "x-envoy-overloaded")
    fields = dict(response.head.headers)
    return response.status, response.text, {n: fields[n] for n in names if n in fields}


@pytest.fixture
def setting(command, tmp_path):
    with contextlib.ExitStack() as stack:
        yield Setting(command, stack, tmp_path)


OVERLOADED = (503, "envoy overloaded", {})
FINE = (200, "", {"x-host": "v"})


def test_requests_are_turned_away(setting):
    setting.start(action("stop_accepting_requests"))
    with setting.client() as client:
        assert ask(client) == FINE
        setting.at(0.95)
        assert [ask(client), ask(client)] == [OVERLOADED, OVERLOADED]
        setting.at(0.3)
        assert ask(client) == FINE
    assert setting.stat("http.in.downstream_rq_overload_close") == 2
    name = "overload.envoy.overload_actions.stop_accepting_requests"
    assert setting.stat(f"{name}.active") == 0
    fine = "HTTP/1.1 200 - direct_response"
    expected = [fine, *["HTTP/1.1 503 - overload"] * 2, fine]
    setting.until(expected, setting.logged)


def test_some_requests_are_turned_away(setting):
    setting.start(action("stop_accepting_requests", SCALED))
    setting.at(0.7)
    with setting.client() as client:
        statuses = [ask(client)[0] for _ in range(100)]
    assert 20 < statuses.count(503) < 80
    assert setting.stat("http.in.downstream_rq_overload_close") == statuses.count(503)
    name = "overload.envoy.overload_actions.stop_accepting_requests"
    assert setting.stat(f"{name}.scale_percent") == 50
    assert setting.stat(f"{name}.active") == 0


def test_requests_are_turned_away_over_http2(setting):
    setting.start(action("stop_accepting_requests"))
    setting.at(0.95)
    peer = connect(setting.port)
    with contextlib.closing(peer.socket):
        for stream in (1, 3):
            peer.send([ask_http2("/direct", on=stream)])
            assert peer.read_until_over([stream], 5) == ""
            message = peer.message(stream)
            assert (message.status, message.data) == (503, b"envoy overloaded")
        assert peer.goaways == []


@pytest.mark.parametrize(
    ("actions", "points"),
    [
        ([action("disable_http_keepalive")], []),
        ([], ["http2_server_go_away_on_dispatch"]),
    ],
    ids=["action", "point"],
)
def test_http2_connections_are_to_end(setting, actions, points):
    setting.start(*actions, points=points, manager={"drain_timeout": "0.1s"})
    setting.at(0.95)
    peer = connect(setting.port)
    with contextlib.closing(peer.socket):
        peer.send([ask_http2("/direct")])
        assert peer.read_until_over([1], 5) == ""
        assert peer.message(1).status == 200
        peer.state_after(2)
        assert [last for last, _ in peer.goaways] == [2**31 - 1, 1]


def test_an_answer_says_that_this_proxy_is_overloaded(setting):
    setting.start(action("stop_accepting_requests"), manager={"append_local_overload": True})
    setting.at(0.95)
    assert setting.ask()[2] == {"x-envoy-local-overloaded": "true"}


def test_a_listener_may_bypass_it(setting):
    setting.start(
        action("stop_accepting_requests"),
        action("reject_incoming_connections"),
        action("stop_accepting_connections"),
        bypass_overload_manager=True,
    )
    setting.at(0.95)
    assert setting.ask() == FINE
    assert setting.stat("overload.envoy.overload_actions.stop_accepting_requests.active") == 1


def test_connections_end_with_their_response(setting):
    setting.start(action("disable_http_keepalive"))
    setting.at(0.95)
    assert setting.ask() == (200, "", {"x-host": "v", "connection": "close"})
    assert setting.stat("http.in.downstream_cx_overload_disable_keepalive") == 1
    assert setting.stat("http.in.downstream_cx_drain_close") == 1


def test_connections_wait_to_be_accepted(setting):
    setting.start(action("stop_accepting_connections"))
    setting.at(0.95)
    with setting.client() as client:
        client.send(b"GET /direct HTTP/1.1\r\nhost: h\r\n\r\n")
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
        client.socket.settimeout(5)
        assert setting.stat("http.in.downstream_cx_total") == 0
        setting.at(0.3)
        assert client.read_response().status == 200


@pytest.mark.parametrize(
    ("actions", "points"),
    [([action("reject_incoming_connections")], []), ([], ["tcp_listener_accept"])],
    ids=["action", "point"],
)
def test_connections_are_closed_at_once(setting, actions, points):
    setting.start(*actions, points=points)
    setting.at(0.95)
    with setting.client() as client:
        assert received(client) == b""
    listener = f"listener.127.0.0.1_{setting.port}"
    assert setting.stat(f"{listener}.downstream_cx_overload_reject") == 1
    assert setting.stat(f"{listener}.downstream_cx_total") == 0
    for name in points:
        shed = f"overload.envoy.load_shed_points.{name}"
        assert setting.stat(f"{shed}.shed_load_count") == 1
        assert setting.stat(f"{shed}.scale_percent") == 100


def received(client):
    """What comes until the end of the connection."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        client.send(b"GET /direct HTTP/1.1\r\nhost: h\r\n\r\n")
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.socket.recv(4096):
            found += piece
    return found


def test_heads_of_requests_are_shed(setting):
    setting.start(points=["http_connection_manager_decode_headers"])
    setting.at(0.95)
    assert setting.ask() == OVERLOADED
    point_ = "overload.envoy.load_shed_points.http_connection_manager_decode_headers"
    assert setting.stat(f"{point_}.shed_load_count") == 1


@pytest.mark.parametrize(
    ("name", "stat"),
    [
        ("hcm_ondata_creating_codec", "http.in.downstream_rq_overload_close"),
        ("http2_server_go_away_and_close_on_dispatch", "http.in.downstream_cx_destroy_local"),
    ],
)
def test_connections_are_closed_at_their_first_bytes(setting, name, stat):
    setting.start(points=[name])
    setting.at(0.95)
    with setting.client() as client:
        assert received(client) == b""
    setting.until(1, lambda: setting.stat(stat))
    assert setting.stat(f"overload.envoy.load_shed_points.{name}.shed_load_count") == 1
    assert setting.stat("http.in.downstream_rq_total") == 0


def test_http1_gives_up(setting):
    setting.start(points=["http1_server_abort_dispatch"])
    setting.at(0.95)
    assert setting.ask() == (500, "Internal Server Error", {"connection": "close"})
    assert setting.stat("http.in.downstream_rq_overload_close") == 1
    setting.until(["HTTP/1.1 500 DPE overload"], setting.logged)


def test_requests_are_shed_before_they_go_upstream(setting):
    setting.start(points=["http_downstream_filter_check"])
    setting.at(0.95)
    assert setting.ask() == FINE
    assert setting.ask("/up") == (503, "envoy overloaded", {"x-host": "v"})
    assert setting.stat("http.in.rq_overload_local_reply") == 1
    assert setting.stat("cluster.c.upstream_rq_total") == 0


def test_no_more_connections_to_upstreams(setting):
    setting.start(points=["connection_pool_new_connection"])
    assert setting.ask("/up")[:2] == (200, "up")
    setting.at(0.95)
    # One that is there is used.
    assert setting.ask("/up")[:2] == (200, "up")
    assert setting.stat("cluster.c.upstream_cx_total") == 1


def test_no_connection_to_an_upstream(setting):
    setting.start(points=["connection_pool_new_connection"])
    setting.at(0.95)
    status, text, fields = setting.ask("/up")
    assert (status, fields) == (503, {"x-host": "v", "x-envoy-overloaded": "true"})
    assert text.endswith("reset reason: overflow")
    assert setting.stat("cluster.c.upstream_cx_total") == 0
    details = "upstream_reset_before_response_started{overflow}"
    setting.until([f"HTTP/1.1 503 UO {details}"], setting.logged)


def test_idle_connections_end_sooner(setting):
    setting.start(
        reduced("HTTP_DOWNSTREAM_CONNECTION_IDLE", min_timeout="0.2s"),
        manager={"common_http_protocol_options": {"idle_timeout": "600s"}},
    )
    with setting.client() as client:
        assert ask(client) == FINE
        setting.at(0.95)
        client.socket.settimeout(8)
        assert client.socket.recv(1) == b""
    assert setting.stat("http.in.downstream_cx_idle_timeout") == 1


def test_idle_streams_end_sooner(setting):
    setting.start(
        reduced("HTTP_DOWNSTREAM_STREAM_IDLE", min_scale={"value": 1}),
        manager={"stream_idle_timeout": "20s"},
    )
    setting.at(0.95)
    with setting.client() as client:
        client.send(b"POST /up HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\n")
        response = client.read_response()
    assert (response.status, response.text) == (408, "stream timeout")


def test_a_file_that_makes_no_sense(setting):
    setting.start(action("stop_accepting_requests"))
    setting.at(0.95)
    setting._write("nonsense")
    failed = f"overload.{MONITOR}.failed_updates"
    setting.until(True, lambda: setting.stat(failed) > 0)
    assert setting.ask() == OVERLOADED
