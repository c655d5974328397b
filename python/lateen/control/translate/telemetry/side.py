"""What all chains of one side of a proxy have, whichever port they are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Build, Proxy
from lateen.control.translate import api
from lateen.control.translate.telemetry import peers
from lateen.control.translate.telemetry.access_logs import access_logs, of_listener
from lateen.control.translate.telemetry.applicable import Side
from lateen.control.translate.telemetry.metrics import stats
from lateen.control.translate.telemetry.tracing import tracing
from lateen.control.translate.values import Json, struct

if TYPE_CHECKING:
    from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog
    from envoy.config.listener.v3.listener_components_pb2 import Filter
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )
    from google.protobuf.any_pb2 import Any


@dataclass(frozen=True)
class Observed:
    """How the traffic of one side is told of.

    Attributes:
        mesh: at this moment.
        proxy: that carries the traffic.
        side: of it.
    """

    mesh: Mesh
    proxy: Proxy
    side: Side

    @property
    def _has_filters(self) -> bool:
        return self.proxy.build is not Build.ENVOY

    @cached_property
    def logs(self) -> list[AccessLog]:
        """The access logs of requests and connections."""
        return access_logs(self.mesh, self.proxy, self.side)

    @cached_property
    def listener_logs(self) -> list[AccessLog]:
        """Those of connections that no filter chain takes."""
        return list(of_listener(self.logs))

    @cached_property
    def tracing(self) -> hcm.HttpConnectionManager.Tracing | None:
        """How requests are traced."""
        return tracing(self.mesh, self.proxy, self.side)

    @cached_property
    def _stats(self) -> Any | None:
        found = stats(self.mesh, self.proxy, self.side) if self._has_filters else None
        return typed(peers.STATS_TYPE, found) if found is not None else None

    @cached_property
    def first(self) -> Sequence[hcm.HttpFilter]:
        """The HTTP filters before all others."""
        if not self._has_filters:
            return ()
        config = typed(peers.HTTP_TYPE, peers.exchange(self.side, self.proxy.build))
        return (api.HttpFilter(name=peers.METADATA_EXCHANGE, typed_config=config),)

    @cached_property
    def announcing(self) -> Sequence[hcm.HttpFilter]:
        """The HTTP filters that tell peers what is spoken to them."""
        if not self._has_filters or self.side == "SERVER":
            return ()
        config = typed(peers.ALPN_TYPE, peers.ALPN_CONFIG)
        return (api.HttpFilter(name=peers.ALPN, typed_config=config),)

    @cached_property
    def last(self) -> Sequence[hcm.HttpFilter]:
        """The HTTP filters before the router."""
        if self._stats is None:
            return ()
        return (api.HttpFilter(name=peers.STATS, typed_config=self._stats),)

    @cached_property
    def network_first(self) -> Sequence[Filter]:
        """The filters before all others, of connections that are no HTTP."""
        if not self._has_filters:
            return ()
        config = typed(peers.TCP_TYPE, peers.TCP_CONFIG)
        return (api.NetworkFilter(name=peers.METADATA_EXCHANGE, typed_config=config),)

    @cached_property
    def network_last(self) -> Sequence[Filter]:
        """The filters before the one that passes such connections on."""
        if self._stats is None:
            return ()
        return (api.NetworkFilter(name=peers.STATS, typed_config=self._stats),)


def typed(name: str, value: Json) -> Any:
    """A message of Istio's proxy, whose type Envoy's own API does not have."""
    fields = value if isinstance(value, dict) else {}
    made = api.TypedStruct(type_url=f"type.googleapis.com/{name}", value=struct(fields))
    return api.packed(made)


def outbound(mesh: Mesh, proxy: Proxy) -> Observed:
    """What a proxy's workload calls, or what goes through a gateway."""
    return Observed(mesh, proxy, "CLIENT")


def inbound(mesh: Mesh, proxy: Proxy) -> Observed:
    """What a sidecar's workload is called with."""
    return Observed(mesh, proxy, "SERVER")
