"""What keeps a proxy from starting, as exceptions; nothing of it stays."""

import json
import socket
from pathlib import Path

import pytest

import lateen
from lateen.protos import envoy_types
from tests.e2e.conftest import Config, bootstrap
from tests.support.workers import eventually


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def test_every_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    wrong: Config = {"static_resources": {"clusters": [{"nme": "a"}, {"name": 1, "type": "ODD"}]}}
    with pytest.raises(lateen.ConfigError) as told:
        lateen.Proxy(wrong).start()
    lines = str(told.value).splitlines()
    assert lines == [str(each) for each in told.value.diagnostics]
    assert len(lines) >= 2
    assert lines[0].startswith("error: static_resources.clusters[0].nme: ")
    file = tmp_path / "envoy.json"
    file.write_text(json.dumps(wrong))
    with pytest.raises(lateen.ConfigError) as told:
        lateen.Proxy(str(file)).start()
    assert str(told.value).startswith(f"{file}:1:")
    with pytest.raises(lateen.ConfigError, match="cannot read /no/such: No such file"):
        lateen.Proxy("/no/such").start()
    with pytest.raises(lateen.ConfigError, match="not what JSON can say"):
        lateen.Proxy({"node": {"id": b"bytes"}}).start()


def test_what_is_no_configuration_or_argument_is_refused() -> None:
    message = envoy_types().message_class("envoy.config.core.v3.Node")()
    with pytest.raises(TypeError, match=r"not a envoy\.config\.core\.v3\.Node"):
        lateen.Proxy(message).start()
    with pytest.raises(TypeError, match="not a int"):
        lateen.Proxy(3).start()  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one worker"):
        lateen.Proxy({}, concurrency=0)
    with pytest.raises(ValueError, match="invalid log level specified 'loud'"):
        lateen.Proxy({}, log_level="loud")
    with pytest.raises(ValueError, match="'nothing' is not FILE:NAME"):
        lateen.Proxy({}, filters=["nothing"])


def test_a_port_that_is_taken_is_told() -> None:
    before = threads()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(lateen.ConfigError, match="in use") as told:
            lateen.Proxy(bootstrap(port, 1)).start()
    assert told.value.diagnostics[0].path == "static_resources.listeners[0]"
    eventually(lambda: threads() <= before)


def test_a_start_that_takes_too_long_says_what_it_waits_for() -> None:
    before = threads()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        config = bootstrap(0, 1)
        (cluster,) = config["static_resources"]["clusters"]  # type: ignore[index]
        resolver = {"address": "127.0.0.1", "port_value": silent.getsockname()[1]}
        cluster["type"] = "STRICT_DNS"
        cluster["dns_resolvers"] = [{"socket_address": resolver}]
        endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
        endpoint["address"]["socket_address"]["address"] = "slow.test"
        with pytest.raises(lateen.ProxyError, match=r"after 0\.2 s; it waits for clusters: be"):
            lateen.Proxy(config, timeout_s=0.2).start()
    eventually(lambda: threads() <= before)


def test_an_admin_listener_that_cannot_listen_is_told() -> None:
    before = threads()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = {"address": "127.0.0.1", "port_value": taken.getsockname()[1]}
        config = {**bootstrap(0, 1), "admin": {"address": {"socket_address": address}}}
        with pytest.raises(lateen.ProxyError, match=r"^the proxy ended: "):
            lateen.Proxy(config).start()
    eventually(lambda: threads() <= before)
