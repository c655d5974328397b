"""Drives the workers as the main thread does, resource by resource, from mappings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from lateen.closing import Closing
from lateen.protos import worker_pb2
from lateen.proxy.compile.cluster import compile_cluster
from lateen.proxy.compile.listener import compile_listener
from lateen.proxy.workers import Rejection, Workers, start_workers
from tests.support.messages import context, message

TCP_PROXY = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
Mapped = dict[str, object]


def tcp_filter(cluster: str, **given: object) -> Mapped:
    """A tcp_proxy to a cluster."""
    config = {"@type": TCP_PROXY, "stat_prefix": "t", "cluster": cluster, **given}
    return {"name": "envoy.filters.network.tcp_proxy", "typed_config": config}


def listener_of(port: int, *chains: Mapped, **given: object) -> Mapped:
    """A listener `l` on a loopback port."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {"name": "l", "address": address, "filter_chains": list(chains), **given}


class Driver(Closing):
    """Workers with clusters by name, each of one loopback port."""

    def __init__(
        self,
        clusters: Mapping[str, int],
        drain_time_ms: int,
        concurrency: int = 1,
        *,
        gradual_drain: bool = True,
    ) -> None:
        self.context = context()
        self.workers: Workers = start_workers(
            concurrency,
            file_flush_interval_ms=50,
            drain_time_ms=drain_time_ms,
            gradual_drain=gradual_drain,
            pin=False,
        )
        update = worker_pb2.Update()
        for name, port in clusters.items():
            address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
            endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
            assigned = {"cluster_name": name, "endpoints": endpoints}
            given = {"name": name, "type": "STATIC", "load_assignment": assigned}
            source = message("config.cluster.v3.Cluster", given)
            update.clusters.append(compile_cluster(self.context, source, name))
        assert self.workers.apply(update.SerializeToString()) == []
        self.workers.core.start()

    def apply(self, *listeners: Mapped, removed: Sequence[str] = ()) -> list[Rejection]:
        """Hands over listeners with the route tables inside them, and names of removed ones."""
        update = worker_pb2.Update(removed_listeners=removed)
        for given in listeners:
            source = message("config.listener.v3.Listener", given)
            compiled = compile_listener(self.context, source, "l")
            update.route_tables.extend(compiled.route_tables)
            update.listeners.append(compiled.listener)
        return self.workers.apply(update.SerializeToString())

    def draining(self) -> tuple[int, int]:
        """How many listeners and filter chains are draining."""
        status = worker_pb2.ListenerStatuses.FromString(self.workers.core.listeners())
        return status.listeners_draining, status.filter_chains_draining

    def close(self) -> None:
        """Stop the workers."""
        self.workers.core.shutdown()


def eventually(condition: Callable[[], bool], limit: float = 10.0) -> None:
    """Wait until a condition holds; AssertionError when it never does."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)
