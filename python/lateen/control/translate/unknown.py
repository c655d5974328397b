"""What becomes of calls of hosts and addresses that no service has: `outboundTrafficPolicy`.

Source: istio/api networking/v1alpha3/sidecar.proto OutboundTrafficPolicy;
pilot/pkg/networking/core/httproute.go buildCatchAllVirtualHost, networkfilter.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.control.model.proxy import Proxy
from lateen.control.translate import api, names
from lateen.control.translate.routes.matching import route_match
from lateen.control.translate.scope.outbound import OutboundPolicy
from lateen.control.translate.values import dns_lookup_family, duration

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import VirtualHost
    from envoy.config.route.v3.route_pb2 import RouteConfiguration
    from envoy.extensions.common.dynamic_forward_proxy.v3.dns_cache_pb2 import DnsCacheConfig
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )

_DYNAMIC = "allow_any_dynamic_dns"
_DNS_CACHE = "allow_any_dfp_dns_cache"
_MOST_HOSTS = 1024
_FILTER = "envoy.filters.http.dynamic_forward_proxy"


def cluster_of_connections(policy: OutboundPolicy) -> str:
    """The cluster of connections to addresses that no service has."""
    if policy.mode == "REGISTRY_ONLY":
        return names.BLACK_HOLE
    proxy = policy.egress_proxy
    if proxy is None:
        return names.PASSTHROUGH
    port = proxy.port.number if proxy.port is not None else 0
    return names.outbound(port, proxy.subset, proxy.host)


def catch_all(policy: OutboundPolicy) -> VirtualHost:
    """The virtual host of hosts that nobody knows: passed on, or refused."""
    if policy.mode == "REGISTRY_ONLY":
        refused = api.Route(name="block_all", match=route_match(None))
        refused.direct_response.status = 502
        return api.VirtualHost(name=refused.name, domains=["*"], routes=[refused])
    dynamic = policy.asks_dns
    route = api.Route(name=_DYNAMIC if dynamic else "allow_any", match=route_match(None))
    route.route.cluster = names.DYNAMIC_DNS if dynamic else cluster_of_connections(policy)
    route.route.timeout.CopyFrom(duration(0))
    route.route.max_grpc_timeout.CopyFrom(duration(0))
    return api.VirtualHost(name=route.name, domains=["*"], routes=[route])


def table_of_unknown(policy: OutboundPolicy) -> RouteConfiguration:
    """The table of captured requests to addresses that no service has."""
    made = api.RouteConfiguration(name=_DYNAMIC, virtual_hosts=[catch_all(policy)])
    made.ignore_port_in_host_matching = True
    made.validate_clusters.value = False
    return made


def dns_cache(proxy: Proxy) -> DnsCacheConfig:
    """What filter and cluster share: the addresses that were found."""
    made = api.DnsCacheConfig(name=_DNS_CACHE)
    made.max_hosts.value = _MOST_HOSTS
    made.dns_lookup_family = dns_lookup_family(proxy)
    return made


def forward_proxy(proxy: Proxy) -> hcm.HttpFilter:
    """Lets requests of hosts that nobody knows wait until DNS tells where they are."""
    config = api.ForwardProxyFilter(dns_cache_config=dns_cache(proxy))
    return api.HttpFilter(name=_FILTER, typed_config=api.packed(config))
