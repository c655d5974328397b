from pathlib import Path

import yaml

from bench.proxies.base import Setup
from bench.proxies.envoy_config import traffic
from bench.scale import configuration


def setup(directory: Path, *, access_log: bool = False) -> Setup:
    return Setup(10001, 10002, 10003, directory, access_log=access_log)


def test_the_access_log_is_the_only_difference(tmp_path: Path) -> None:
    def manager(access_log: bool) -> dict[str, object]:
        config = yaml.safe_load(traffic(setup(tmp_path, access_log=access_log)).read_text())
        listener, _ = config["static_resources"]["listeners"]
        found: dict[str, object] = listener["filter_chains"][0]["filters"][0]["typed_config"]
        return found

    off, on = manager(False), manager(True)
    assert off.pop("access_log") == []
    (log,) = on.pop("access_log")  # type: ignore[misc]
    assert log["typed_config"]["path"] == str(tmp_path / "access.log")
    assert off == on


def test_the_scale_configuration_has_a_route_to_each_cluster(tmp_path: Path) -> None:
    config = yaml.safe_load(configuration(setup(tmp_path), 3).read_text())["static_resources"]
    names = [cluster["name"] for cluster in config["clusters"]]
    manager = config["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    (host,) = manager["route_config"]["virtual_hosts"]
    assert [route["route"]["cluster"] for route in host["routes"]] == names
    assert names == ["service-0", "service-1", "service-2"]
