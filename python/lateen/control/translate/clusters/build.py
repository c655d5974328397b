"""All clusters of a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy, ProxyType
from lateen.control.translate import api, names
from lateen.control.translate.clusters import pools
from lateen.control.translate.clusters.inbound import bind_inbound, inbound
from lateen.control.translate.clusters.outbound import Outbound
from lateen.control.translate.scope.sidecar import sidecar_scope
from lateen.control.translate.values import duration

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster

_PASSTHROUGH_IDLE = 300.0


def clusters(mesh: Mesh, proxy: Proxy) -> list[Cluster]:
    """The clusters that a proxy is sent, by name."""
    scope = sidecar_scope(mesh, proxy)
    found = list(Outbound(mesh, proxy).clusters(scope.services.values()))
    found.append(_black_hole(mesh))
    if proxy.type is ProxyType.SIDECAR:
        found += inbound(mesh, proxy, scope)
        found += [_passthrough(mesh), _inbound_passthrough(mesh, proxy)]
    return sorted({one.name: one for one in reversed(found)}.values(), key=lambda one: one.name)


def _black_hole(mesh: Mesh) -> Cluster:
    """Where calls go that must not go anywhere."""
    return api.Cluster(
        name=names.BLACK_HOLE,
        type=api.Cluster.STATIC,
        alt_stat_name=names.for_stats(names.BLACK_HOLE),
        connect_timeout=duration(mesh.config.connect_timeout),
    )


def _passthrough(mesh: Mesh, name: str = names.PASSTHROUGH) -> Cluster:
    """Where calls go that no service is known for: to the address that was called."""
    cluster = api.Cluster(
        name=name,
        type=api.Cluster.ORIGINAL_DST,
        lb_policy=api.Cluster.CLUSTER_PROVIDED,
        alt_stat_name=names.for_stats(name),
    )
    pools.limit(cluster, mesh.config.default_traffic_policy.connection_pool, None, mesh.config)
    options = api.UpstreamProtocols()
    options.common_http_protocol_options.idle_timeout.CopyFrom(duration(_PASSTHROUGH_IDLE))
    options.use_downstream_protocol_config.http_protocol_options.SetInParent()
    options.use_downstream_protocol_config.http2_protocol_options.SetInParent()
    pools.set_protocols(cluster, options)
    return cluster


def _inbound_passthrough(mesh: Mesh, proxy: Proxy) -> Cluster:
    """The application, at a port that no service has."""
    cluster = _passthrough(mesh, names.INBOUND_PASSTHROUGH)
    bind_inbound(cluster, proxy)
    return cluster
