"""`lateen proxy-config`: the tables of a running proxy, Lateen or Envoy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.ports import PortLease
from tests.support.proxies import Proxy, envoy_command, lateen_command

LATEEN = str(Path(sys.executable).with_name("lateen"))
ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
}
MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


def bootstrap(port):
    routes = {
        "name": "80",
        "virtual_hosts": [
            {
                "name": "api:80",
                "domains": ["api"],
                "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "outbound|80||api"}}],
            }
        ],
    }
    manager = {
        "@type": f"type.googleapis.com/{MANAGER}",
        "stat_prefix": "x",
        "route_config": routes,
        "http_filters": [ROUTER],
    }
    endpoint = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 9}}}
    cluster = {
        "name": "outbound|80||api",
        "load_assignment": {
            "cluster_name": "outbound|80||api",
            "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
        },
    }
    listener = {
        "name": "l",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": manager,
                    }
                ]
            }
        ],
    }
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


@pytest.fixture(scope="module", params=["lateen", "envoy"])
def proxy(request):
    command = envoy_command() if request.param == "envoy" else lateen_command()
    if command is None:
        pytest.skip(f"{request.param} is not installed")
    with PortLease() as lease, Proxy(command, bootstrap(lease.port)) as running:
        yield running, lease.port


def asked(running, *arguments):
    host, port = running.admin_address
    argv = [LATEEN, "proxy-config", *arguments, "--admin", f"{host}:{port}"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def rows(text):
    return [[cell for cell in line.split("  ") if cell] for line in text.splitlines()[1:]]


def test_tables(proxy):
    running, port = proxy
    (cluster,) = rows(asked(running, "cluster"))
    assert [cell.strip() for cell in cluster] == ["api", "80", "-", "outbound", "STATIC"]
    (listener,) = rows(asked(running, "listener"))
    expected = ["127.0.0.1", str(port), "ALL", "Cluster: outbound|80||api"]
    assert [cell.strip() for cell in listener] == expected
    (route,) = rows(asked(running, "route", "--name", "80"))
    assert [cell.strip() for cell in route] == ["80", "api:80", "api", "/*"]
    (endpoint,) = rows(asked(running, "endpoint"))
    assert [cell.strip() for cell in endpoint] == [
        "127.0.0.1:9",
        "HEALTHY",
        "OK",
        "outbound|80||api",
    ]
    everything = asked(running, "all")
    for header in ("SERVICE FQDN", "ADDRESSES", "VHOST NAME", "RESOURCE NAME", "ENDPOINT"):
        assert header in everything


def test_resources(proxy):
    running, _ = proxy
    (cluster,) = json.loads(asked(running, "cluster", "-o", "json"))
    assert cluster["name"] == "outbound|80||api"
    assert json.loads(asked(running, "cluster", "--port", "81", "-o", "json")) == []
    (listener,) = yaml.safe_load(asked(running, "listener", "-o", "yaml"))
    assert listener["name"] == "l"
    told = json.loads(asked(running, "bootstrap"))
    assert told["static_resources"]["listeners"][0]["name"] == "l"


def test_levels(proxy):
    running, _ = proxy
    assert "  admin: " in asked(running, "log")
    assert "  router: debug" in asked(running, "log", "--level", "router:debug")
    assert "  admin: error" in asked(running, "log", "--level", "error")


def test_nobody_answers():
    with PortLease() as lease:
        argv = [LATEEN, "proxy-config", "cluster", "--admin", f"127.0.0.1:{lease.port}"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"no proxy answers at 127.0.0.1:{lease.port}" in done.stderr
    assert "Traceback" not in done.stderr
