"""What /csds says of resources that are used, refused and waited for."""

from __future__ import annotations

import contextlib
import json

import pytest

from tests.interop.xds_setting import Setting
from tests.support.proxies import lateen_command
from tests.support.xds_resources import ADS, CDS, EDS, LDS, RDS, cluster, message


@pytest.fixture(params=["sotw", "delta"])
def setting(request):
    with contextlib.ExitStack() as stack:
        yield Setting(lateen_command(), request.param == "delta", stack)


def shown(setting, query=""):
    (config,) = json.loads(setting.proxy.admin(f"/csds{query}").text)["config"]
    return config


def statuses(setting):
    found = shown(setting)["generic_xds_configs"]
    return {(each["type_url"], each["name"]): each["client_status"] for each in found}


def test_what_is_in_use_is_acked(setting):
    setting.start()
    wanted = {(CDS, "a"): "ACKED", (EDS, "a"): "ACKED", (LDS, "l"): "ACKED", (RDS, "r"): "ACKED"}
    assert statuses(setting) == wanted
    config = shown(setting)
    assert config["node"]["id"] == "test-node"
    routes = next(each for each in config["generic_xds_configs"] if each["type_url"] == RDS)
    assert routes["version_info"]
    assert routes["last_updated"]
    assert routes["xds_config"]["@type"] == RDS
    bare = shown(setting, "?exclude_resource_contents")["generic_xds_configs"]
    assert all("xds_config" not in each for each in bare)


def test_what_was_refused_and_what_is_waited_for(setting):
    setting.start()
    begin = len(setting.server.requests)
    setting.put(RDS, message(RDS, {"name": "r", "virtual_hosts": [{"name": "v"}]}))
    setting.nack(RDS, begin)
    wanted = {"service_name": "late", "eds_config": ADS}
    setting.put(CDS, cluster("b", eds_cluster_config=wanted))
    setting.server.wait(lambda seen: seen.type_url == EDS and "late" in str(seen.request))
    assert statuses(setting)[RDS, "r"] == "NACKED"
    found = shown(setting)["generic_xds_configs"]
    routes = next(each for each in found if each["type_url"] == RDS)
    assert "Proto constraint validation failed" in routes["error_state"]["details"]
    assert statuses(setting)[EDS, "late"] == "REQUESTED"
