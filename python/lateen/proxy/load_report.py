"""What is reported of the load of clusters: the differences between what hosts counted.

Source: envoy/service/load_stats/v3/lrs.proto, envoy/config/endpoint/v3/load_report.proto.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

from lateen.protos import envoy_types

if TYPE_CHECKING:
    from envoy.config.core.v3.address_pb2 import Address
    from envoy.config.endpoint.v3.load_report_pb2 import ClusterStats, UpstreamLocalityStats
    from envoy.service.load_stats.v3.lrs_pb2 import LoadStatsRequest, LoadStatsResponse

    from lateen.protos import worker_pb2

_PACKAGE = "envoy.service.load_stats.v3"
_ALL_CLUSTERS = "envoy.lrs.supports_send_all_clusters"


@dataclass(frozen=True)
class ClusterLoad:
    """What a cluster has counted since it was made.

    Attributes:
        hosts: with their counters.
        service_name: that EDS asks for, if it is not that of the cluster.
        dropped: requests that a circuit breaker refused, or that drop_overload did.
        drop_overload: those of the latter.
        category: of drop_overload.
    """

    hosts: Sequence[worker_pb2.HostStatus]
    service_name: str = ""
    dropped: int = 0
    drop_overload: int = 0
    category: str = ""


class _Counts(NamedTuple):
    issued: int = 0
    success: int = 0
    error: int = 0

    def since(self, before: _Counts) -> _Counts:
        # A host that left and came back counts from 0 again.
        if self.issued < before.issued or self.success < before.success:
            return self
        return _Counts(*(now - then for now, then in zip(self, before, strict=True)))


class _HostLoad(NamedTuple):
    host: worker_pb2.HostStatus
    counts: _Counts

    @property
    def idle(self) -> bool:
        return not (any(self.counts) or self.host.rq_active)


@dataclass
class _Tracked:
    since_s: float
    hosts: dict[bytes, _Counts] = field(default_factory=dict)
    dropped: int = 0
    drop_overload: int = 0


class LoadReport:
    """The clusters that a server wants reports of, and what it was told of them."""

    def __init__(self, node: bytes) -> None:
        """Reports of the proxy whose serialized core.v3.Node this is."""
        self._node = node
        self._tracked: dict[str, _Tracked] = {}
        self._endpoints = False

    def track(
        self, response: LoadStatsResponse, clusters: Mapping[str, ClusterLoad], now_s: float
    ) -> None:
        """Takes what the server wants; a cluster that is new in it counts from now on."""
        self._endpoints = response.report_endpoint_granularity
        names: Iterable[str] = clusters if response.send_all_clusters else response.clusters
        self._follow(names, clusters, now_s)

    def follow_all(self, clusters: Mapping[str, ClusterLoad], now_s: float) -> None:
        """Tracks every cluster there is now, for a server that wants all of them."""
        self._follow(clusters, clusters, now_s)

    def request(self, clusters: Mapping[str, ClusterLoad], now_s: float) -> LoadStatsRequest:
        """What happened in the tracked clusters since the request before."""
        found = envoy_types().message_class(f"{_PACKAGE}.LoadStatsRequest")()
        message = cast("LoadStatsRequest", found)
        message.node.MergeFromString(self._node)
        message.node.client_features.append(_ALL_CLUSTERS)
        for name, tracked in self._tracked.items():
            load = clusters.get(name)
            if load is not None:
                self._report(message.cluster_stats.add(cluster_name=name), load, tracked, now_s)
        return message

    def _follow(
        self, names: Iterable[str], clusters: Mapping[str, ClusterLoad], now_s: float
    ) -> None:
        before, self._tracked = self._tracked, {}
        for name in names:
            tracked = before.get(name)
            if tracked is None:
                tracked = _Tracked(now_s)
                if name in clusters:
                    _latch(tracked, clusters[name])
            self._tracked[name] = tracked

    def _report(
        self, out: ClusterStats, load: ClusterLoad, tracked: _Tracked, now_s: float
    ) -> None:
        out.cluster_service_name = load.service_name
        out.total_dropped_requests = max(0, load.dropped - tracked.dropped)
        overload = load.drop_overload - tracked.drop_overload
        if overload > 0:
            out.dropped_requests.add(category=load.category, dropped_count=overload)
        out.load_report_interval.FromMicroseconds(int((now_s - tracked.since_s) * 1e6))
        tracked.since_s = now_s
        hosts = [
            _HostLoad(each, _counts(each).since(tracked.hosts.get(_key(each), _Counts())))
            for each in load.hosts
        ]
        _latch(tracked, load)
        for group in _by_locality(hosts):
            if not all(each.idle for each in group):
                self._report_locality(out.upstream_locality_stats.add(), group)

    def _report_locality(self, out: UpstreamLocalityStats, group: Sequence[_HostLoad]) -> None:
        first = group[0].host
        out.locality.region, out.locality.zone = first.region, first.zone
        out.locality.sub_zone = first.sub_zone
        out.priority = first.priority
        out.total_issued_requests = sum(each.counts.issued for each in group)
        out.total_successful_requests = sum(each.counts.success for each in group)
        out.total_error_requests = sum(each.counts.error for each in group)
        out.total_requests_in_progress = sum(each.host.rq_active for each in group)
        if not self._endpoints:
            return
        for each in group:
            if not each.idle:
                endpoint = out.upstream_endpoint_stats.add(
                    total_issued_requests=each.counts.issued,
                    total_successful_requests=each.counts.success,
                    total_error_requests=each.counts.error,
                    total_requests_in_progress=each.host.rq_active,
                )
                _put_address(endpoint.address, each.host.address)


def _latch(tracked: _Tracked, load: ClusterLoad) -> None:
    tracked.hosts = {_key(each): _counts(each) for each in load.hosts}
    tracked.dropped, tracked.drop_overload = load.dropped, load.drop_overload


def _counts(host: worker_pb2.HostStatus) -> _Counts:
    return _Counts(host.rq_total, host.rq_success, host.rq_error)


def _key(host: worker_pb2.HostStatus) -> bytes:
    return host.address.SerializeToString(deterministic=True) + host.hostname.encode()


def _by_locality(hosts: Sequence[_HostLoad]) -> Iterator[list[_HostLoad]]:
    """Hosts of one priority and locality each, in order."""
    groups: dict[tuple[int, str, str, str], list[_HostLoad]] = {}
    for each in hosts:
        host = each.host
        place = (host.priority, host.region, host.zone, host.sub_zone)
        groups.setdefault(place, []).append(each)
    for _, group in sorted(groups.items()):
        yield group


def _put_address(out: Address, address: worker_pb2.Address) -> None:
    if address.WhichOneof("kind") == "pipe":
        out.pipe.path = address.pipe
    elif address.WhichOneof("kind") == "internal":
        out.envoy_internal_address.server_listener_name = address.internal.listener
        out.envoy_internal_address.endpoint_id = address.internal.endpoint_id
    else:
        out.socket_address.address = address.socket.host
        out.socket_address.port_value = address.socket.port
