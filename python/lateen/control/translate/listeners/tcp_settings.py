"""What a DestinationRule says of connections that are passed on without a look at requests.

Source: pilot/pkg/networking/core/networkfilter.go (maybeSetHashPolicy), tunnelingconfig/apply.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.control.resources.destination_rule import (
    DestinationRule,
    LoadBalancer,
    TrafficPolicy,
    Tunnel,
)
from lateen.control.translate.values import duration

if TYPE_CHECKING:
    from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy


@dataclass(frozen=True)
class TcpSettings:
    """How connections are passed on.

    Attributes:
        idle_timeout: after so many seconds without a byte they end; None: as Envoy.
        longest: after so many seconds they end; None: never.
        by_source: those of one address go to one endpoint.
        tunnel: they go through a proxy, by CONNECT or POST.
    """

    idle_timeout: float | None = None
    longest: float | None = None
    by_source: bool = False
    tunnel: Tunnel | None = None

    def apply(self, proxy: TcpProxy) -> None:
        """Say so in a filter."""
        if self.idle_timeout is not None:
            proxy.idle_timeout.CopyFrom(duration(self.idle_timeout))
        if self.longest is not None:
            proxy.max_downstream_connection_duration.CopyFrom(duration(self.longest))
        if self.by_source:
            proxy.hash_policy.add().source_ip.SetInParent()
        if self.tunnel is not None:
            host = self.tunnel.target_host
            host = f"[{host}]" if ":" in host else host
            proxy.tunneling_config.hostname = f"{host}:{self.tunnel.target_port}"
            proxy.tunneling_config.use_post = self.tunnel.protocol == "POST"


def tcp_settings(rule: DestinationRule | None, subset: str) -> TcpSettings:
    """What a rule says of a service, or of a subset: of limits, what holds for all of it."""
    if rule is None:
        return TcpSettings()
    found = next((one.traffic_policy for one in rule.subsets if one.name == subset), None)
    said, of_subset = rule.traffic_policy or TrafficPolicy(), found or TrafficPolicy()
    tcp = said.connection_pool.tcp if said.connection_pool is not None else None
    return TcpSettings(
        idle_timeout=tcp.idle_timeout if tcp is not None else None,
        longest=tcp.max_connection_duration if tcp is not None else None,
        by_source=_by_source(of_subset.load_balancer or said.load_balancer),
        tunnel=of_subset.tunnel if subset else said.tunnel,
    )


def _by_source(balancer: LoadBalancer | None) -> bool:
    by = balancer.consistent_hash if balancer is not None else None
    return by is not None and bool(by.use_source_ip)
