"""METADATA frames pass through: the same of the real Envoy and of Lateen."""

from __future__ import annotations

import contextlib

import pytest

from tests.support.http2 import Data, ask, connect, metadata
from tests.support.http2_upstream import Script2, Upstream2, frames, respond
from tests.support.ports import PortLease
from tests.support.proxies import Proxy
from tests.support.upstream import Answer, Script, Send, Sleep, Upstream

PREFIX = "type.googleapis.com/envoy.extensions"
HCM = f"{PREFIX}.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = f"{PREFIX}.filters.http.router.v3.Router"
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
FRESH = (("a", "1"), ("bee", "x" * 300))


def bootstrap(port, upstream, down, up):
    """`down` and `up` are what is said of HTTP/2; without `up` the upstream speaks HTTP/1."""

    def address(port):
        return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "c"}}]
    typed = {
        "@type": HCM,
        "stat_prefix": "in",
        "http2_protocol_options": down,
        "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": routes}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}],
    }
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address(upstream)}}]}]
    cluster = {
        "name": "c",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "c", "endpoints": endpoints},
    }
    if up is not None:
        options = {"explicit_http_config": {"http2_protocol_options": up}}
        kind = f"type.googleapis.com/{OPTIONS}"
        cluster["typed_extension_protocol_options"] = {OPTIONS: {"@type": kind, **options}}
    chains = [{"filters": [{"name": "hcm", "typed_config": typed}]}]
    listener = {"name": "l", "address": address(port), "filter_chains": chains}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


@pytest.fixture
def start(command):
    with contextlib.ExitStack() as stack:

        def begin(upstream, down=True, up=True):
            upstream = stack.enter_context(upstream)
            port = stack.enter_context(PortLease()).port
            wanted = [None if each is None else {"allow_metadata": each} for each in (down, up)]
            proxy = Proxy(command, bootstrap(port, upstream.port, *wanted))
            stack.enter_context(proxy)
            peer = connect(port)
            stack.enter_context(contextlib.closing(peer.socket))
            return proxy, upstream, peer

        yield begin


OK = frames(respond(), Data(b"ok", end=True))


def of_requests(upstream):
    return [ordered(request.message) for request in upstream.requests]


def ordered(message):
    """The blocks of metadata; what is in one is in no order."""
    return [sorted(block) for block in message.metadata]


def test_metadata_of_a_request(start):
    _, upstream, peer = start(Upstream2(Script2([OK])))
    peer.send([ask(method="POST", end=False), metadata(*FRESH, on=1)])
    peer.send([Data(b"body", 1), metadata(("c", "3"), on=1), Data(b"", 1, end=True)])
    assert peer.read_until_over([1], 5) == ""
    assert peer.message(1).status == 200
    assert of_requests(upstream) == [[list(FRESH), [("c", "3")]]]


def test_metadata_of_a_response(start):
    answer = frames(
        respond(), metadata(*FRESH), Data(b"o"), metadata(("c", "3")), Data(b"k", end=True)
    )
    _, _, peer = start(Upstream2(Script2([answer])))
    peer.send([ask()])
    assert peer.read_until_over([1], 5) == ""
    assert peer.message(1).data == b"ok"
    assert ordered(peer.message(1)) == [list(FRESH), [("c", "3")]]


def test_metadata_before_the_head_of_a_response(start):
    answer = frames(metadata(*FRESH), Sleep(0.2), respond(), Data(b"ok", end=True))
    _, _, peer = start(Upstream2(Script2([answer])))
    peer.send([ask()])
    assert peer.read_until_over([1], 5) == ""
    assert ordered(peer.message(1)) == [list(FRESH)]


@pytest.mark.parametrize(("down", "up"), [(False, True), (True, False)])
def test_metadata_that_one_side_does_not_allow(start, down, up):
    answer = frames(respond(), metadata(("d", "4")), Data(b"ok", end=True))
    _, upstream, peer = start(Upstream2(Script2([answer])), down, up)
    peer.send([ask(method="POST", end=False), metadata(*FRESH, on=1), Data(b"", 1, end=True)])
    assert peer.read_until_over([1], 5) == ""
    assert peer.message(1).status == 200
    assert of_requests(upstream) == [[]]
    assert ordered(peer.message(1)) == []


def test_metadata_to_an_upstream_that_speaks_http1(start):
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
    proxy, upstream, peer = start(Upstream(Script([Answer((Send(answer),))])), up=None)
    peer.send([ask(method="POST", end=False), metadata(*FRESH, on=1), Data(b"x", 1, end=True)])
    assert peer.read_until_over([1], 5) == ""
    assert peer.message(1).data == b"ok"
    assert upstream.requests[0].body.data == b"x"
    name = "cluster.c.http1.metadata_not_supported_error"
    assert proxy.stats()[name] == 1
