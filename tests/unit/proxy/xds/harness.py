"""Subscriptions of a proxy without the proxy."""

import asyncio
import contextlib
import random
import time

from google.protobuf import json_format

from lateen.protos import envoy_types
from lateen.proxy.log.levels import Level
from lateen.proxy.log.logger import Log
from lateen.proxy.stats.histograms import Histograms
from lateen.proxy.stats.main_thread import MainThreadStats
from lateen.proxy.xds.bootstrap import BootstrapSources
from lateen.proxy.xds.subscriptions import Surroundings, XdsSubscriptions
from lateen.xds.resource_types import CDS
from lateen.xds.subscription import Outcome

HTTP2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
}
ADS = {"ads": {}, "resource_api_version": "V3"}


def fill(full_name, fields):
    """A message of Envoy's API from its JSON form."""
    types = envoy_types()
    message = types.message_class(full_name)()
    return json_format.ParseDict(fields, message, descriptor_pool=types.pool)


def cluster(name="be"):
    return fill("envoy.config.cluster.v3.Cluster", {"name": name, "type": "STATIC"})


def endpoints(name):
    return fill("envoy.config.endpoint.v3.ClusterLoadAssignment", {"cluster_name": name})


def listener(name):
    return fill("envoy.config.listener.v3.Listener", {"name": name})


def source(fields=ADS):
    return fill("envoy.config.core.v3.ConfigSource", fields)


def xds_cluster(port, name="xds", **fields):
    """A cluster of a bootstrap that is a control plane on a loopback port."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return xds_cluster_at(address, name, **fields)


def xds_cluster_at(address, name="xds", **fields):
    hosts = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {
        "name": name,
        "type": "STATIC",
        "typed_extension_protocol_options": HTTP2,
        "load_assignment": {"cluster_name": name, "endpoints": hosts},
        **fields,
    }


def api(kind="GRPC", cluster_name="xds", **fields):
    """An ApiConfigSource."""
    service = {"envoy_grpc": {"cluster_name": cluster_name}}
    return {
        "api_type": kind,
        "transport_api_version": "V3",
        "grpc_services": [service],
        **fields,
    }


def bootstrap(*clusters, ads=None, **fields):
    """A bootstrap, serialized."""
    dynamic = {"dynamic_resources": {"ads_config": ads}} if ads else {}
    message = fill(
        "envoy.config.bootstrap.v3.Bootstrap",
        {
            "node": {"id": "node-1", "cluster": "group-1", "metadata": {"k": "v"}},
            "static_resources": {"clusters": list(clusters)},
            **dynamic,
            **fields,
        },
    )
    return message.SerializeToString()


class Recorder:
    """A subscriber that keeps what it hears."""

    def __init__(self):
        self.updates = []
        self.failures = []
        self.answer = Outcome()
        self.raises = None

    def take(self, update):
        self.updates.append(update)
        if self.raises is not None:
            raise self.raises
        return self.answer

    def fail(self, failure, reason):
        self.failures.append((failure.name, reason))

    @property
    def names(self):
        """Of the last update's resources."""
        return sorted(each.name for each in self.updates[-1].resources) if self.updates else None


class Client:
    """Subscriptions, their stats and their log."""

    def __init__(self, serialized, log_path, resolve=None):
        self.stats = MainThreadStats(Histograms())
        self.log_path = log_path
        formatter = lambda record: f"{record.level.name} {record.message}"  # noqa: E731
        self.log = Log(formatter, Level.DEBUG, path=str(log_path))
        self.subscriptions = XdsSubscriptions(
            Surroundings(
                BootstrapSources(serialized), self.stats, self.log, random.Random(1), resolve
            )
        )

    def subscribe(self, kind=CDS, names=None, fields=ADS, prefix=None, subscriber=None):
        recorder = subscriber or Recorder()
        recorder.handle = self.subscriptions.subscribe(
            source(fields), kind.type_url, names, recorder, prefix or f"test.{kind.short}"
        )
        return recorder

    def value(self, name):
        """A counter, gauge or text readout by its full name; None when it is not there."""
        for scope in self.stats.scopes():
            for stat in scope.extra:
                if scope.prefix + stat.name == name:
                    return stat.value
        return next((text.text for text in self.stats.texts() if text.name == name), None)

    @property
    def logged(self):
        return self.log_path.read_text().splitlines()


@contextlib.asynccontextmanager
async def running(serialized, tmp_path, **given):
    """A client that is closed in the end."""
    client = Client(serialized, tmp_path / "log", **given)
    try:
        yield client
    finally:
        client.subscriptions.close()
        await asyncio.sleep(0.05)


async def until(condition, limit=10.0):
    """Waits until `condition()` holds."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0.01)
