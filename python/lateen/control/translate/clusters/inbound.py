"""The clusters of the application behind a sidecar: one for each port that services have.

Source: pilot/pkg/networking/core/cluster_builder.go buildInboundCluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy
from lateen.control.model.service import Endpoint
from lateen.control.translate import api, names
from lateen.control.translate.clusters import metadata, policy, pools
from lateen.control.translate.endpoints import assignment
from lateen.control.translate.targets import Target, targets_of
from lateen.control.translate.values import duration

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster

# As long as it can be said: addresses that were called once are few, and used again.
_NEVER_CLEANED = 315576000000.0


def inbound(mesh: Mesh, proxy: Proxy) -> Iterator[Cluster]:
    """The clusters, by the application's port."""
    for port, targets in targets_of(mesh, proxy).items():
        yield _cluster(mesh, proxy, port, targets)


def _cluster(mesh: Mesh, proxy: Proxy, port: int, targets: Sequence[Target]) -> Cluster:
    first = targets[0]
    name = names.inbound(port)
    cluster = api.Cluster(name=name, alt_stat_name=names.for_stats(name))
    cluster.common_lb_config.SetInParent()
    rules = mesh.destination_rules(first.service, proxy.namespace, proxy.labels)
    said = policy.of_port(rules[0].spec.traffic_policy if rules else None, first.port.number)
    said = policy.with_defaults(said, mesh.config.default_traffic_policy)
    options = pools.protocols(first.port.protocol, said.connection_pool, mesh.config, sniffed=True)
    pools.limit(cluster, said.connection_pool, None, mesh.config)
    if mesh.config.inbound_traffic_policy.mode == "LOCALHOST":
        local = "127.0.0.1" if proxy.has_ipv4 else "::1"
        cluster.type = api.Cluster.STATIC
        cluster.load_assignment.CopyFrom(assignment(name, [Endpoint(local, port, "")]))
    else:
        cluster.type = api.Cluster.ORIGINAL_DST
        cluster.lb_policy = api.Cluster.CLUSTER_PROVIDED
        cluster.cleanup_interval.CopyFrom(duration(_NEVER_CLEANED))
        bind_inbound(cluster, proxy)
    same_port = [one.service for one in targets if one.port.number == first.port.number]
    metadata.tell_services(cluster, same_port)
    pools.set_protocols(cluster, options)
    return cluster


def bind_inbound(cluster: Cluster, proxy: Proxy) -> None:
    """Connect from addresses by which traffic capture knows the sidecar."""
    sources = [names.INBOUND_SOURCE] if proxy.has_ipv4 else []
    sources += [names.INBOUND_SOURCE_IPV6] if proxy.has_ipv6 else []
    bind = cluster.upstream_bind_config
    bind.source_address.CopyFrom(api.SocketAddress(address=sources[0], port_value=0))
    for source in sources[1:]:
        more = api.SocketAddress(address=source, port_value=0)
        bind.extra_source_addresses.add().address.CopyFrom(more)
