"""The clusters of the services that a proxy may call: one for each port, one more for each subset.

Source: pilot/pkg/networking/core/cluster.go, cluster_builder.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.protocol import Protocol
from lateen.control.model.proxy import Build, Interception, Proxy, ProxyType
from lateen.control.model.service import Endpoint, Port, Resolution, Service
from lateen.control.resources.destination_rule import (
    ClientTls,
    DestinationRule,
    Subset,
    TrafficPolicy,
)
from lateen.control.resources.meta import Resource
from lateen.control.translate import api, names
from lateen.control.translate.clusters import metadata, policy, pools
from lateen.control.translate.clusters.balancing import (
    balance,
    detect_outliers,
    passes_through,
    prefer_places,
)
from lateen.control.translate.clusters.tls import Peers, announce, secure
from lateen.control.translate.endpoints import assignment, subset_of
from lateen.control.translate.locality import preference_of
from lateen.control.translate.peers import identities, mutual_tls
from lateen.control.translate.telemetry import peers
from lateen.control.translate.telemetry.side import typed
from lateen.control.translate.values import by_ads, dns_lookup_family, duration

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster

_OUTSIDE = ("SIMPLE", "MUTUAL")


@dataclass(frozen=True)
class Outbound:
    """What the clusters are made for.

    Attributes:
        mesh: at this moment.
        proxy: that calls.
    """

    mesh: Mesh
    proxy: Proxy

    def clusters(self, service: Service) -> Iterator[Cluster]:
        """The clusters of a service that the proxy may call."""
        if service.resolution is Resolution.ALIAS:
            return
        rule = self.mesh.rule_for(service, self.proxy)
        for port in service.ports:
            if port.protocol is not Protocol.UDP:
                yield from self._of_port(service, port, rule)

    def _of_port(
        self, service: Service, port: Port, rule: Resource[DestinationRule] | None
    ) -> Iterator[Cluster]:
        yield from self._cluster(service, port, rule, None)
        for subset in rule.spec.subsets if rule is not None else ():
            yield from self._cluster(service, port, rule, subset)

    def _cluster(
        self,
        service: Service,
        port: Port,
        rule: Resource[DestinationRule] | None,
        subset: Subset | None,
    ) -> Iterator[Cluster]:
        """The cluster; none where DNS is to be asked for endpoints and there are none."""
        said = self._policy(rule, subset, port)
        name = names.outbound(port.number, subset.name if subset else "", service.host)
        cluster = api.Cluster(name=name, alt_stat_name=names.for_stats(name))
        cluster.common_lb_config.SetInParent()
        if not self._find(cluster, service, port, subset, said):
            return
        options = pools.protocols(
            port.protocol,
            said.connection_pool,
            self.mesh.config,
            sniffed=self.proxy.type is ProxyType.SIDECAR,
        )
        pools.limit(cluster, said.connection_pool, said.retry_budget, self.mesh.config)
        detect_outliers(cluster, said.outlier_detection)
        prefer_places(cluster, said, self.mesh.config, service)
        metadata.tell_services(cluster, [service])
        if not self._hides_credential(rule, said.tls):
            secure(cluster, options, said.tls, self._peers(service, port, subset, said))
        announce(cluster, said.proxy_protocol)
        pools.set_protocols(cluster, options)
        self._tell(cluster, service, rule, subset, said)
        if self.proxy.build is not Build.ENVOY and not port.protocol.is_http:
            config = typed(peers.TCP_TYPE, peers.TCP_CONFIG)
            cluster.filters.add(name=peers.METADATA_EXCHANGE, typed_config=config)
        yield cluster

    def _policy(
        self, rule: Resource[DestinationRule] | None, subset: Subset | None, port: Port
    ) -> TrafficPolicy:
        spec = rule.spec if rule is not None else None
        return policy.effective(spec, subset, port.number, self.mesh.config.default_traffic_policy)

    def _find(
        self,
        cluster: Cluster,
        service: Service,
        port: Port,
        subset: Subset | None,
        said: TrafficPolicy,
    ) -> bool:
        """Say how endpoints are found; False: there are none."""
        if self._by_address(service, said):
            cluster.type = api.Cluster.ORIGINAL_DST
            cluster.lb_policy = api.Cluster.CLUSTER_PROVIDED
            return True
        balance(cluster, said.load_balancer)
        if service.resolution in (Resolution.DNS, Resolution.DNS_ROUND_ROBIN):
            endpoints = list(self._endpoints(service, port, subset))
            if not endpoints:
                return False
            every = service.resolution is Resolution.DNS
            cluster.type = api.Cluster.STRICT_DNS if every else api.Cluster.LOGICAL_DNS
            self._ask_dns(cluster)
            preferred = preference_of(said, self.mesh.config, service, self.proxy)
            cluster.load_assignment.CopyFrom(assignment(cluster.name, endpoints, preferred))
            return True
        cluster.type = api.Cluster.EDS
        cluster.eds_cluster_config.service_name = cluster.name
        cluster.eds_cluster_config.eds_config.CopyFrom(by_ads(first_fetch=0))
        return True

    def _by_address(self, service: Service, said: TrafficPolicy) -> bool:
        """Whether calls go to the address that the application called.

        No application calls an address where nothing is captured: then the endpoints that
        Kubernetes knows are used, as a gateway uses any.
        """
        if passes_through(said.load_balancer):
            return True
        captured = self.proxy.interception is not Interception.NONE
        known = not captured and service.source.kind == "Service"
        return service.is_headless and self.proxy.type is ProxyType.SIDECAR and not known

    def _endpoints(self, service: Service, port: Port, subset: Subset | None) -> Iterator[Endpoint]:
        labels = subset.labels if subset is not None else {}
        return subset_of(self.mesh.endpoints.get(service.key, ()), port.name, labels)

    def _ask_dns(self, cluster: Cluster) -> None:
        cluster.dns_lookup_family = dns_lookup_family(self.proxy)
        cluster.dns_refresh_rate.CopyFrom(duration(self.mesh.config.dns_refresh_rate))
        cluster.respect_dns_ttl = True

    def _peers(
        self, service: Service, port: Port, subset: Subset | None, said: TrafficPolicy
    ) -> Peers:
        endpoints = list(self._endpoints(service, port, None))
        by_address = self._by_address(service, said)
        return Peers(
            sni=names.outbound_sni(port.number, subset.name if subset else "", service.host),
            accounts=identities(service, endpoints, self.mesh.config),
            mutual=mutual_tls(self.mesh, service, endpoints if by_address else None),
            alternative_names=service.subject_alt_names,
            exchanges=self.proxy.build is not Build.ENVOY,
        )

    def _hides_credential(
        self, rule: Resource[DestinationRule] | None, tls: ClientTls | None
    ) -> bool:
        """Whether a rule names a Secret that sidecars do not get: one for all would give it to all.

        Source: pilot/pkg/networking/core/cluster_tls.go buildUpstreamClusterTLSContext.
        """
        if self.proxy.type is not ProxyType.SIDECAR or rule is None or tls is None:
            return False
        named = tls.mode in _OUTSIDE and tls.credential_name
        return bool(named) and rule.spec.workload_selector is None

    def _tell(
        self,
        cluster: Cluster,
        service: Service,
        rule: Resource[DestinationRule] | None,
        subset: Subset | None,
        said: TrafficPolicy,
    ) -> None:
        if service.mesh_external and subset is None:
            metadata.tell_external(cluster)
        if rule is None:
            return
        metadata.tell_rule(cluster, rule)
        if subset is not None:
            metadata.tell_subset(cluster, subset.name)
        if said.tls is not None and said.tls.mode in _OUTSIDE:
            metadata.tell_no_alpn(cluster)
