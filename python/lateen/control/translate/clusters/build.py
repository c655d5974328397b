"""All clusters of a proxy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy, ProxyType
from lateen.control.resources.destination_rule import ClientTls
from lateen.control.translate import api, names
from lateen.control.translate.clusters import pools
from lateen.control.translate.clusters.inbound import bind_inbound, inbound
from lateen.control.translate.clusters.outbound import Outbound
from lateen.control.translate.clusters.tls import Peers, secure
from lateen.control.translate.reuse import Inputs
from lateen.control.translate.unknown import dns_cache
from lateen.control.translate.values import duration

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

_PASSTHROUGH_IDLE = 300.0


def clusters(mesh: Mesh, proxy: Proxy) -> list[Cluster]:
    """The clusters that a proxy is sent, by name."""
    inputs = Inputs.of(mesh, proxy)
    found = [one for host in inputs.services for one in clusters_of_service(host, inputs)]
    found += [*unknown_clusters(inputs), *inbound_clusters(inputs)]
    return sorted({one.name: one for one in reversed(found)}.values(), key=lambda one: one.name)


def clusters_of_service(host: str, inputs: Inputs) -> Iterator[Cluster]:
    """The clusters of a service that the proxy's application may call."""
    return Outbound(inputs.mesh, inputs.proxy).clusters(inputs.services[host])


def unknown_clusters(inputs: Inputs) -> Iterator[Cluster]:
    """Where calls go that no service is known for."""
    yield _black_hole(inputs.mesh)
    if inputs.proxy.type is ProxyType.SIDECAR:
        yield _passthrough(inputs.mesh)
        outbound = inputs.scope.outbound
        if outbound.asks_dns:
            yield _dynamic(inputs.mesh, inputs.proxy, outbound.tls)


def inbound_clusters(inputs: Inputs) -> Iterator[Cluster]:
    """The application of a sidecar."""
    if inputs.proxy.type is ProxyType.SIDECAR:
        yield from inbound(inputs.mesh, inputs.proxy, inputs.scope)
        yield _inbound_passthrough(inputs.mesh, inputs.proxy)


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
    pools.set_protocols(cluster, _as_it_came())
    return cluster


def _as_it_came() -> HttpProtocolOptions:
    options = api.UpstreamProtocols()
    options.common_http_protocol_options.idle_timeout.CopyFrom(duration(_PASSTHROUGH_IDLE))
    options.use_downstream_protocol_config.http_protocol_options.SetInParent()
    options.use_downstream_protocol_config.http2_protocol_options.SetInParent()
    return options


def _dynamic(mesh: Mesh, proxy: Proxy, tls: ClientTls | None) -> Cluster:
    """Where requests go of hosts that nobody knows: where DNS says that they are."""
    cluster = api.Cluster(
        name=names.DYNAMIC_DNS,
        lb_policy=api.Cluster.CLUSTER_PROVIDED,
        alt_stat_name=names.for_stats(names.DYNAMIC_DNS),
    )
    config = api.ForwardProxyCluster(dns_cache_config=dns_cache(proxy))
    # Without TLS there is no name to check, which Envoy otherwise insists on.
    config.allow_insecure_cluster_options = tls is None or tls.mode == "DISABLE"
    cluster.cluster_type.name = "envoy.clusters.dynamic_forward_proxy"
    cluster.cluster_type.typed_config.CopyFrom(api.packed(config))
    pools.limit(cluster, None, None, mesh.config)
    options = _as_it_came()
    secure(cluster, options, tls, Peers(sni=""))
    pools.set_protocols(cluster, options)
    return cluster


def _inbound_passthrough(mesh: Mesh, proxy: Proxy) -> Cluster:
    """The application, at a port that no service has."""
    cluster = _passthrough(mesh, names.INBOUND_PASSTHROUGH)
    bind_inbound(cluster, proxy)
    return cluster
