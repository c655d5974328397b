"""The clusters of the application behind a sidecar: one for each port that services have.

Source: pilot/pkg/networking/core/cluster_builder.go buildInboundCluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy
from lateen.control.model.service import Endpoint
from lateen.control.translate import api, names
from lateen.control.translate.clusters import metadata, policy, pools
from lateen.control.translate.endpoints import assignment
from lateen.control.translate.scope.sidecar import SidecarScope
from lateen.control.translate.served import Served, served
from lateen.control.translate.values import UNIX, duration

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster

# Nearly as long as Envoy can count: addresses that were called once are few, and used again.
_NEVER_CLEANED = 9e9
_LOOPBACKS = ("127.0.0.1", "::1")


def inbound(mesh: Mesh, proxy: Proxy, scope: SidecarScope) -> Iterator[Cluster]:
    """The clusters, by the application's port."""
    for port in served(mesh, proxy, scope):
        yield _cluster(mesh, proxy, scope, port)


def _cluster(mesh: Mesh, proxy: Proxy, scope: SidecarScope, port: Served) -> Cluster:
    name = names.inbound(port.number)
    cluster = api.Cluster(name=name, alt_stat_name=names.for_stats(name))
    cluster.common_lb_config.SetInParent()
    # What selects workloads selects callers, not who is called.
    rule = mesh.destination_rule(port.services[0], proxy.namespace, {}) if port.services else None
    said = policy.of_port(rule.spec.traffic_policy if rule else None, port.port.number)
    said = policy.with_defaults(said, mesh.config.default_traffic_policy)
    pool = scope.inbound_pool(port.number) or said.connection_pool
    options = pools.protocols(port.port.protocol, pool, mesh.config, sniffed=True)
    pools.limit(cluster, pool, None, mesh.config)
    _find(cluster, proxy, _application(mesh, proxy, port))
    metadata.tell_services(cluster, port.services)
    pools.set_protocols(cluster, options)
    return cluster


def _application(mesh: Mesh, proxy: Proxy, port: Served) -> Endpoint | None:
    """Where the application is; None: at the address that was called."""
    if port.ingress is not None and port.ingress.default_endpoint:
        return _endpoint(port.ingress.default_endpoint, proxy)
    if port.ingress is None and mesh.config.inbound_traffic_policy.mode == "LOCALHOST":
        return Endpoint(proxy.loopback, port.number, "")
    return None


def _endpoint(written: str, proxy: Proxy) -> Endpoint:
    """An endpoint as a Sidecar has it: the loopback, the workload's own address, or a socket."""
    if written.startswith(UNIX):
        return Endpoint(written, 0, "")
    host, _, number = written.rpartition(":")
    wanted = ip_address(host.strip("[]"))
    if wanted.is_unspecified:
        same = [one for one in proxy.addresses if ip_address(one).version == wanted.version]
        fallback = "127.0.0.1" if wanted.version == 4 else "::1"
        return Endpoint(same[0] if same else fallback, int(number), "")
    one_of_both = proxy.has_ipv4 if wanted.version == 4 else proxy.has_ipv6
    return Endpoint(str(wanted) if one_of_both else proxy.loopback, int(number), "")


def _find(cluster: Cluster, proxy: Proxy, application: Endpoint | None) -> None:
    if application is None:
        cluster.type = api.Cluster.ORIGINAL_DST
        cluster.lb_policy = api.Cluster.CLUSTER_PROVIDED
        cluster.cleanup_interval.CopyFrom(duration(_NEVER_CLEANED))
        bind_inbound(cluster, proxy)
        return
    cluster.type = api.Cluster.STATIC
    cluster.load_assignment.CopyFrom(assignment(cluster.name, [application]))
    # Capture leaves the loopback alone.
    if application.address not in _LOOPBACKS and not application.address.startswith(UNIX):
        bind_inbound(cluster, proxy)


def bind_inbound(cluster: Cluster, proxy: Proxy) -> None:
    """Connect from addresses by which traffic capture knows the sidecar."""
    sources = [names.INBOUND_SOURCE] if proxy.has_ipv4 else []
    sources += [names.INBOUND_SOURCE_IPV6] if proxy.has_ipv6 else []
    bind = cluster.upstream_bind_config
    bind.source_address.CopyFrom(api.SocketAddress(address=sources[0], port_value=0))
    for source in sources[1:]:
        more = api.SocketAddress(address=source, port_value=0)
        bind.extra_source_addresses.add().address.CopyFrom(more)
