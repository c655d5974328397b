"""A control plane, a proxy that it configures over ADS, and what tests ask of both.

The fixture `setting` is a Setting for each proxy and each protocol.
"""

from __future__ import annotations

import contextlib
import json
import time

import pytest

from tests.support.client import Client
from tests.support.ports import PortLease
from tests.support.proxies import Proxy, envoy_command, lateen_command
from tests.support.upstream import Answer, Script, Send, Upstream
from tests.support.xds_resources import CDS, EDS, LDS, RDS, assignment, cluster, listener, routes
from tests.support.xds_server import XdsServer

LIMIT = 10.0


def bootstrap(port, delta):
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    ads = {"ads": {}, "resource_api_version": "V3"}
    return {
        "node": {"id": "test-node", "cluster": "test-cluster"},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC" if delta else "GRPC",
                "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}],
            },
            "cds_config": ads,
            "lds_config": ads,
        },
        "static_resources": {
            "clusters": [
                {
                    "name": "xds",
                    "type": "STATIC",
                    "connect_timeout": "1s",
                    "typed_extension_protocol_options": {
                        options: {
                            "@type": f"type.googleapis.com/{options}",
                            "explicit_http_config": {"http2_protocol_options": {}},
                        }
                    },
                    "load_assignment": {
                        "cluster_name": "xds",
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
                    },
                }
            ]
        },
    }


class Setting:
    """A control plane, a proxy that it configures, and two services, `one` and `two`."""

    def __init__(self, command, delta, stack, flags=("--drain-time-s", "1")):
        self.delta = delta
        self.server = stack.enter_context(XdsServer())
        self.one, self.two = (
            stack.enter_context(Upstream(_saying(name))).port for name in ("one", "two")
        )
        self.port = stack.enter_context(PortLease()).port
        self.bootstrap = bootstrap(self.server.port, delta)
        self._start = lambda: stack.enter_context(Proxy(command, self.bootstrap, flags, wait=False))
        self.proxy = None

    def put(self, url, *made):
        names = [getattr(each, "name", "") or each.cluster_name for each in made]
        self.server.put(url, dict(zip(names, made, strict=True)))

    def start(self, **more):
        """The proxy, with a cluster `a` that leads to `one`, and whatever else is given."""
        self.put(CDS, cluster("a"), *more.get("clusters", ()))
        self.put(EDS, assignment("a", self.one), *more.get("endpoints", ()))
        self.put(LDS, listener("l", self.port))
        self.put(RDS, routes("r", "a"))
        self.proxy = self._start()
        self.proxy.wait_ready()

    def response(self):
        """The response to a request of its own."""
        with Client(("127.0.0.1", self.port), timeout=5) as client:
            client.send(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            return client.read_response()

    def ask(self):
        """What is answered: a text, or a status that is not 200."""
        response = self.response()
        return response.text if response.status == 200 else response.status

    def until(self, wanted, what=None):
        """Waits until what is answered is what is wanted."""
        what = what or self.ask
        deadline = time.monotonic() + LIMIT
        while (seen := attempt(what)) != wanted:
            assert time.monotonic() < deadline, f"{seen!r}, not {wanted!r}"
            time.sleep(0.02)

    def nack(self, url, start):
        """The text of the first NACK of a type after request number `start`."""
        seen = self.server.wait(
            lambda seen: seen.type_url == url and seen.kind == "nack", LIMIT, start
        )
        return seen.error

    def dump(self, resource):
        found = json.loads(self.proxy.admin(f"/config_dump?resource={resource}").text)
        return found.get("configs", [])


def attempt(what):
    try:
        return what()
    except (OSError, AssertionError) as error:
        return error


def _saying(name):
    answer = f"HTTP/1.1 200 OK\r\ncontent-length: {len(name)}\r\n\r\n{name}"
    return Script([Answer((Send(answer.encode()),))])


@pytest.fixture(params=[pytest.param("envoy", marks=pytest.mark.oracle), "lateen"])
def command(request):
    found = envoy_command() if request.param == "envoy" else lateen_command()
    if found is None:
        pytest.skip(f"no {request.param} here")
    return found


@pytest.fixture(params=["sotw", "delta"])
def setting(request, command):
    with contextlib.ExitStack() as stack:
        yield Setting(command, request.param == "delta", stack)
