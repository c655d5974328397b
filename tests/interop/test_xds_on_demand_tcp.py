"""TCP connections that wait for their cluster: the same of the real Envoy and of Lateen."""

from __future__ import annotations

import contextlib

import pytest

from tests.interop.xds_setting import Setting
from tests.support.client import Client
from tests.support.xds_resources import ADS, CDS, EDS, LDS, PREFIX, assignment, cluster, message

TCP_PROXY = PREFIX + "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
FILE_LOG = PREFIX + "envoy.extensions.access_loggers.file.v3.FileAccessLog"
LOG = "%RESPONSE_FLAGS% %UPSTREAM_CLUSTER% %DOWNSTREAM_LOCAL_CLOSE_REASON%\n"


@pytest.fixture
def setting(command, tmp_path):
    with contextlib.ExitStack() as stack:
        made = Setting(command, True, stack)
        made.log = tmp_path / "access.log"
        yield made


def start(setting, target="b", limits=None, **on_demand):
    """A proxy that knows no cluster, with a tcp_proxy to one."""
    text = {"text_format_source": {"inline_string": LOG}}
    log = {"@type": FILE_LOG, "path": str(setting.log), "log_format": text}
    typed = {
        "@type": TCP_PROXY,
        "stat_prefix": "t",
        "cluster": target,
        "access_log": [{"name": "file", "typed_config": log}],
        "on_demand": on_demand,
        **(limits or {}),
    }
    address = {"socket_address": {"address": "127.0.0.1", "port_value": setting.port}}
    chains = [{"filters": [{"name": "tcp", "typed_config": typed}]}]
    made = message(LDS, {"name": "l", "address": address, "filter_chains": chains})
    setting.server.only_named.add(CDS)
    setting.put(CDS, cluster("a"), cluster("b"))
    setting.put(EDS, assignment("a", setting.one), assignment("b", setting.two))
    setting.put(LDS, made)
    setting.proxy = setting._start()
    setting.server.wait(lambda seen: seen.type_url == CDS)
    setting.server.send(CDS)  # nothing for who asks for all
    setting.proxy.wait_ready()


def ended(setting):
    """Connects, and waits until the proxy ends the connection."""
    with Client(("127.0.0.1", setting.port), timeout=5) as client:
        assert client.socket.recv(1) == b""


def seen(setting):
    """How attempts ended, and the access log."""
    stats = setting.proxy.stats()
    names = ("attempt", "missing", "success", "timeout")
    counts = [stats[f"tcp.t.on_demand_cluster_{name}"] for name in names]
    setting.until(
        stats["tcp.t.downstream_cx_total"], lambda: len(setting.log.read_text().splitlines())
    )
    return counts, setting.log.read_text(), stats["tcp.t.downstream_cx_no_route"]


def test_a_connection_waits_for_its_cluster(setting):
    start(setting, odcds_config=ADS)
    assert setting.ask() == "two"
    assert setting.ask() == "two"
    assert seen(setting) == ([1, 0, 1, 0], "- b -\n- b -\n", 0)
    asked = [list(each.request.resource_names_subscribe) for each in setting.server.of(CDS)]
    assert ["b"] in asked


def test_a_cluster_that_there_is_not(setting):
    start(setting, "none", odcds_config=ADS)
    ended(setting)
    assert seen(setting) == ([1, 1, 0, 0], "NC - tcp_initializion_failure:3\n", 1)


def test_a_cluster_that_does_not_come_in_time(setting):
    start(setting, odcds_config=ADS, timeout="0.2s")
    setting.server.answers = False
    ended(setting)
    assert seen(setting) == ([1, 0, 0, 1], "NC - tcp_initializion_failure:3\n", 1)


def test_the_longest_time_of_a_connection_ends_its_wait(setting):
    start(setting, limits={"max_downstream_connection_duration": "0.3s"}, odcds_config=ADS)
    setting.server.answers = False
    ended(setting)
    assert seen(setting) == ([1, 0, 0, 0], "DT - max_connection_duration_reached\n", 0)


def test_without_a_source_no_cluster_is_asked_for(setting):
    start(setting)
    ended(setting)
    flags = "NC - tcp_initializion_failure:3\n"
    setting.until(flags, setting.log.read_text)
    stats = setting.proxy.stats()
    assert stats["tcp.t.downstream_cx_no_route"] == 1
    assert not any("on_demand" in name for name in stats)
