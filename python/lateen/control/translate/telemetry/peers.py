"""The filters by which proxies of a mesh tell each other who they are.

Source: pilot/pkg/networking/core/listener_builder.go, pilot/pkg/xds/filters/filters.go.
"""

from __future__ import annotations

from lateen.control.model.proxy import Build
from lateen.control.translate.telemetry.applicable import Side
from lateen.control.translate.values import Json

METADATA_EXCHANGE = "istio.metadata_exchange"
HTTP_TYPE = "io.istio.http.peer_metadata.Config"
TCP_TYPE = "envoy.tcp.metadataexchange.config.MetadataExchange"
ALPN = "istio.alpn"
ALPN_TYPE = "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig"
STATS = "istio.stats"
STATS_TYPE = "stats.PluginConfig"

#: What HTTP peers offer in ALPN, by the protocol that is spoken to them.
ALPN_CONFIG: Json = {
    "alpn_override": [
        {"upstream_protocol": "HTTP10", "alpn_override": ["istio-http/1.0", "istio", "http/1.0"]},
        {"upstream_protocol": "HTTP11", "alpn_override": ["istio-http/1.1", "istio", "http/1.1"]},
        {"upstream_protocol": "HTTP2", "alpn_override": ["istio-h2", "istio", "h2"]},
    ]
}
TCP_CONFIG: Json = {"protocol": "istio-peer-exchange"}


def exchange(side: Side, build: Build) -> Json:
    """How requests and answers tell who sends them."""
    headers: Json = {"istio_headers": {}}
    found: list[Json] = [headers]
    if build is Build.ISTIO:
        found.append({"workload_discovery": {}})
    if side == "SERVER":
        return {"downstream_discovery": found, "downstream_propagation": [headers]}
    outside: Json = {"istio_headers": {"skip_external_clusters": True}}
    return {"upstream_discovery": found, "upstream_propagation": [outside]}
