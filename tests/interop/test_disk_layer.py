"""Runtime layers on disk: Lateen and the real Envoy read the same trees."""

import contextlib
import json
import os

import pytest

from tests.support.client import fetch, get
from tests.support.ports import PortLease
from tests.support.proxies import DidNotStart, Proxy, envoy_command, lateen_command
from tests.support.xds_resources import HCM, ROUTER

STATS = (
    "runtime.load_error",
    "runtime.load_success",
    "runtime.num_keys",
    "runtime.num_layers",
    "runtime.override_dir_exists",
    "runtime.override_dir_not_exists",
)
FILES = {
    "envoy/a/num": "42\n",
    "envoy/a/b/text": "hello\nworld\n\n",
    "envoy/a.dot": "x",
    "envoy/bool": "TRUE",
    "envoy/comment": "# why\n12\n",
    "envoy/empty": "",
    "envoy/fraction": "numerator: 3\ndenominator: TEN_THOUSAND\n",
    "envoy/pad": "  5  \n",
    "envoy/.hidden": "h",
    "override/test-cluster/over": "1",
}


class Tree:
    """Versions of a directory, and a symbolic link to one of them."""

    def __init__(self, base):
        self._base = base
        self._versions = 0
        self.root = base / "current"

    def show(self, files):
        """Puts a new version in the place of the one before, in one move."""
        self._versions += 1
        version = self._base / f"v{self._versions}"
        for path, text in files.items():
            file = version / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        version.mkdir(exist_ok=True)
        link = self._base / "new"
        link.symlink_to(version.name)
        os.replace(link, self.root)


def bootstrap(root):
    def disk(name, subdirectory, **more):
        source = {"symlink_root": str(root), "subdirectory": subdirectory, **more}
        return {"name": name, "disk_layer": source}

    layers = [
        {"name": "static", "static_layer": {"a": {"num": 1}, "only": 2, "over": 0}},
        disk("disk", "envoy"),
        disk("override", "override", append_service_cluster=True),
        disk("absent", "absent"),
        {"name": "admin", "admin_layer": {}},
    ]
    return {
        "node": {"id": "test-node", "cluster": "test-cluster"},
        "layered_runtime": {"layers": layers},
    }


def with_routes(config, port, routes):
    manager = {
        "@type": HCM,
        "stat_prefix": "in",
        "http_filters": [ROUTER],
        "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": routes}]},
    }
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    chains = [{"filters": [{"name": "hcm", "typed_config": manager}]}]
    listener = {"name": "l", "address": address, "filter_chains": chains}
    return {**config, "static_resources": {"listeners": [listener]}}


@pytest.fixture
def pair():
    """Starts Envoy and Lateen with one configuration."""
    commands = [envoy_command(), lateen_command()]
    if None in commands:
        pytest.skip("no real Envoy or no lateen command: run make build")

    with contextlib.ExitStack() as stack:

        def start(*configs):
            """One configuration for both, or one for each."""
            both = configs if len(configs) > 1 else configs * 2
            pairs = zip(commands, both, strict=True)
            return [stack.enter_context(Proxy(each, config)) for each, config in pairs]

        yield start


def seen(proxy):
    stats = proxy.stats()
    return json.loads(proxy.admin("/runtime").text), {name: stats[name] for name in STATS}


def until_loads(proxies, count):
    """What each shows after so many loads."""
    for proxy in proxies:
        proxy.wait_stat("runtime.override_dir_not_exists", count["not_exists"])
        proxy.wait_stat("runtime.override_dir_exists", count["exists"])
    return [seen(proxy) for proxy in proxies]


def test_values_and_what_replaces_them(pair, tmp_path):
    tree = Tree(tmp_path)
    tree.show(FILES)
    proxies = pair(bootstrap(tree.root))
    envoy, lateen = until_loads(proxies, {"exists": 2, "not_exists": 0})
    assert lateen == envoy
    assert lateen[0]["entries"]["a.num"] == {
        "final_value": "42",
        "layer_values": ["1", "42", "", ""],
    }

    tree.show({**FILES, "envoy/a/num": "43", "envoy/bad": "a: : b"})
    envoy, lateen = until_loads(proxies, {"exists": 2, "not_exists": 3})
    assert lateen == envoy
    assert lateen[0]["layers"] == ["static", "override", "admin"]

    tree.show({**FILES, "envoy/a/num": "44", "absent/k": "1"})
    envoy, lateen = until_loads(proxies, {"exists": 5, "not_exists": 3})
    assert lateen == envoy
    for proxy in proxies:
        proxy.admin("/runtime_modify?a.num=50", method="POST")
    envoy, lateen = until_loads(proxies, {"exists": 6, "not_exists": 3})
    assert lateen == envoy
    assert lateen[0]["entries"]["a.num"]["final_value"] == "50"


def test_a_tree_may_come_later(pair, tmp_path):
    tree = Tree(tmp_path)
    proxies = pair(bootstrap(tree.root))
    envoy, lateen = until_loads(proxies, {"exists": 0, "not_exists": 2})
    assert lateen == envoy
    tree.show(FILES)
    envoy, lateen = until_loads(proxies, {"exists": 3, "not_exists": 2})
    assert lateen == envoy


@pytest.mark.parametrize(
    "value",
    [
        "  100 \n",
        "numerator: 10000\ndenominator: TEN_THOUSAND\n",
        '{"numerator": 1000000, "denominator": "MILLION"}',
        "numerator: 100",
        "{numerator: 1",
        "# 100",
        "numerator: many",
    ],
)
def test_what_a_file_comes_to(pair, tmp_path, value):
    tree = Tree(tmp_path)
    tree.show({"envoy/share": value})
    fraction = {"default_value": {"numerator": 0}, "runtime_key": "share"}
    routes = [
        {
            "match": {"prefix": "/", "runtime_fraction": fraction},
            "direct_response": {"status": 201},
        },
        {"match": {"prefix": "/"}, "direct_response": {"status": 202}},
    ]
    with PortLease() as first, PortLease() as second:
        ports = [first.port, second.port]
        configs = [with_routes(bootstrap(tree.root), each, routes) for each in ports]
        pair(*configs)
        answers = [fetch(port, get()).status for port in ports]
    assert answers[1] == answers[0]


def test_a_root_that_cannot_be_watched(pair, tmp_path):
    root = tmp_path / "nowhere/current"
    reason = f"unable to add filesystem watch for file {root}: No such file or directory"
    with pytest.raises(DidNotStart, match=reason):
        pair(bootstrap(root))
    with pytest.raises(DidNotStart, match=reason):
        Proxy(lateen_command(), bootstrap(root))
