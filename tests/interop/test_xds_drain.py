"""How connections end whose listener changed or went: the same of the real Envoy and of Lateen."""

from __future__ import annotations

import contextlib

import pytest

from tests.interop.xds_setting import Setting
from tests.support.client import Client
from tests.support.xds_resources import ADS, LDS, listener


def served(setting, stack):
    """A connection that had an answer of the listener as it was first."""
    client = stack.enter_context(Client(("127.0.0.1", setting.port), timeout=5))
    assert ask(client) is None
    return client


def ask(client):
    """What an answer says of its connection."""
    client.send(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
    response = client.read_response()
    assert (response.status, response.text) == (200, "one")
    return response.get("connection")


def change_all(setting):
    setting.put(LDS, listener("l", setting.port, tcp_backlog_size=55))
    return "listener_manager.listener_modified"


def change_chain(setting):
    rds = {"config_source": ADS, "route_config_name": "r"}
    manager = {"rds": rds, "server_name": "other"}
    setting.put(LDS, listener("l", setting.port, manager=manager))
    return "listener_manager.listener_in_place_updated"


def remove(setting):
    setting.server.remove(LDS, ["l"])
    return "listener_manager.listener_removed"


@pytest.mark.parametrize("change", [change_all, change_chain, remove])
@pytest.mark.parametrize("strategy", ["gradual", "immediate"])
def test_connections_of_what_went_end(command, change, strategy):
    flags = ["--drain-time-s", "600", "--drain-strategy", strategy]
    with contextlib.ExitStack() as stack:
        setting = Setting(command, True, stack, flags)
        setting.start()
        setting.until("one")
        client = served(setting, stack)
        counter = change(setting)
        setting.until(1, lambda: setting.proxy.stats().get(counter))
        # The workers hear of it after the counter.
        setting.until(1, lambda: _draining(setting))
        if strategy == "gradual":
            assert [ask(client) for _ in range(5)] == [None] * 5
        else:
            assert ask(client) == "close"


def _draining(setting):
    stats = setting.proxy.stats()
    names = ("total_listeners_draining", "total_filter_chains_draining")
    return sum(stats[f"listener_manager.{name}"] for name in names)


def test_what_does_not_end_by_itself_has_the_drain_time(command):
    with contextlib.ExitStack() as stack:
        setting = Setting(command, True, stack)
        setting.start()
        setting.until("one")
        client = served(setting, stack)
        change_all(setting)
        setting.until(1, lambda: setting.proxy.stats()["listener_manager.listener_modified"])
        assert client.state_after(0.3) == "open"
        assert client.state_after(5) in ("closed", "reset")
