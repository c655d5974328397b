"""Two sidecars as Istio configures them: one before a client, one before a server, mTLS between."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.certificates import make_authority, make_certificate
from tests.support.proxies import Proxy

Config = dict[str, object]

_TYPES = "type.googleapis.com/envoy.extensions"
_FILTERS = f"{_TYPES}.filters"
_STRUCT = "type.googleapis.com/udpa.type.v1.TypedStruct"
_PEERS = "type.googleapis.com/io.istio.http.peer_metadata.Config"
_EXCHANGE = "type.googleapis.com/envoy.tcp.metadataexchange.config.MetadataExchange"
_ALPN = "type.googleapis.com/istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig"
_STATS = "type.googleapis.com/stats.PluginConfig"
_LABEL = re.compile(r'(\w+)="([^"]*)"')

REQUESTS = "istio_requests_total"
SERVICE = "reviews.shop.svc.cluster.local"
OUTBOUND = f"outbound|9080||{SERVICE}"
PEER_EXCHANGE = "istio-peer-exchange"


@dataclass(frozen=True)
class Side:
    """A workload of the mesh and its credentials."""

    name: str
    namespace: str
    files: Path

    @property
    def principal(self) -> str:
        """Its SPIFFE identity."""
        return f"spiffe://cluster.local/ns/{self.namespace}/sa/{self.name}"

    def node(self) -> Config:
        """The node of its sidecar."""
        address = f"sidecar~10.0.0.1~{self.name}-1.{self.namespace}"
        return {
            "id": f"{address}~{self.namespace}.svc.cluster.local",
            "cluster": f"{self.name}.{self.namespace}",
            "metadata": {
                "NAME": f"{self.name}-1",
                "NAMESPACE": self.namespace,
                "WORKLOAD_NAME": f"{self.name}-v1",
                "CLUSTER_ID": "Kubernetes",
                "OWNER": (
                    f"kubernetes://apis/apps/v1/namespaces/{self.namespace}"
                    f"/deployments/{self.name}-v1"
                ),
                "ISTIO_VERSION": "1.30.0",
                "LABELS": {
                    "app": self.name,
                    "version": "v1",
                    "role": f"a-{self.name}",
                    "service.istio.io/canonical-name": self.name,
                    "service.istio.io/canonical-revision": "v1",
                },
            },
        }

    def tls(self, direction: str, **fields: object) -> Config:
        """A transport socket with its credentials."""
        certificate = {
            "certificate_chain": {"filename": str(self.files / f"{self.name}.pem")},
            "private_key": {"filename": str(self.files / f"{self.name}.key")},
        }
        common = {
            "tls_certificates": [certificate],
            "validation_context": {"trusted_ca": {"filename": str(self.files / "ca.pem")}},
            **fields,
        }
        typed: Config = {
            "@type": f"{_TYPES}.transport_sockets.tls.v3.{direction}TlsContext",
            "common_tls_context": common,
        }
        if direction == "Downstream":
            typed["require_client_certificate"] = True
        else:
            typed["sni"] = f"outbound_.9080_._.{SERVICE}"
        return {"name": "envoy.transport_sockets.tls", "typed_config": typed}


def make_sides(directory: Path) -> tuple[Side, Side]:
    """The workloads `web` and `reviews` in the namespaces `front` and `shop`."""
    authority = make_authority(directory)
    sides = (Side("web", "front", directory), Side("reviews", "shop", directory))
    for side in sides:
        make_certificate(directory, side.name, [f"URI:{side.principal}"], authority)
    return sides


def typed_struct(name: str, url: str, **value: object) -> Config:
    """An extension as Istio writes those that are in no API of Envoy."""
    return {"name": name, "typed_config": {"@type": _STRUCT, "type_url": url, "value": value}}


def extension(name: str, url: str, **fields: object) -> Config:
    """An extension."""
    return {"name": name, "typed_config": {"@type": url, **fields}}


def peer_metadata(direction: str, **more: object) -> Config:
    """The HTTP filter of the exchange, for `inbound` or `outbound`."""
    end = "downstream" if direction == "inbound" else "upstream"
    value = {
        f"{end}_discovery": [{"istio_headers": {}}, {"workload_discovery": {}}],
        f"{end}_propagation": [{"istio_headers": {}}],
        **more,
    }
    return typed_struct("istio.metadata_exchange", _PEERS, **value)


def exchange(**more: object) -> Config:
    """The filter of the exchange on connections."""
    value = {"protocol": PEER_EXCHANGE, "enable_discovery": True, **more}
    return typed_struct("istio.metadata_exchange", _EXCHANGE, **value)


def istio_stats(**fields: object) -> Config:
    """The filter of the standard metrics."""
    return extension("istio.stats", _STATS, **fields)


def alpn() -> Config:
    """The filter that overrides ALPN."""
    lists = [
        {"upstream_protocol": "HTTP10", "alpn_override": ["istio-http/1.0", "istio", "http/1.0"]},
        {"upstream_protocol": "HTTP11", "alpn_override": ["istio-http/1.1", "istio", "http/1.1"]},
        {"upstream_protocol": "HTTP2", "alpn_override": ["istio-h2", "istio", "h2"]},
    ]
    return extension("istio.alpn", _ALPN, alpn_override=lists)


def grpc_stats() -> Config:
    """The filter that counts messages, as Istio has it."""
    url = f"{_FILTERS}.http.grpc_stats.v3.FilterConfig"
    fields = {"emit_filter_state": True, "stats_for_all_methods": False}
    return extension("envoy.filters.http.grpc_stats", url, **fields)


def outbound_filters(**stats: object) -> list[Config]:
    """The HTTP filters before the router of a client's sidecar."""
    return [peer_metadata("outbound"), grpc_stats(), alpn(), istio_stats(**stats)]


def inbound_filters(**stats: object) -> list[Config]:
    """The same of a server's sidecar."""
    fields: Config = {"disable_host_header_fallback": True, **stats}
    return [peer_metadata("inbound"), grpc_stats(), istio_stats(**fields)]


def manager(
    filters: Sequence[Config], cluster: str, log: Path | None = None, log_text: str = ""
) -> Config:
    """A connection manager whose requests go to one cluster."""
    route = {"name": "default", "match": {"prefix": "/"}, "route": {"cluster": cluster}}
    hosts = [{"name": "host", "domains": ["*"], "routes": [route]}]
    router = extension("envoy.filters.http.router", f"{_FILTERS}.http.router.v3.Router")
    return extension(
        "envoy.filters.network.http_connection_manager",
        f"{_FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="mesh",
        route_config={"name": "routes", "virtual_hosts": hosts},
        http_filters=[*filters, router],
        access_log=_file_log(log, log_text),
    )


def tcp_proxy(cluster: str, log: Path | None = None) -> Config:
    """A filter that passes connections on to a cluster."""
    url = f"{_FILTERS}.network.tcp_proxy.v3.TcpProxy"
    fields = {"stat_prefix": "mesh", "cluster": cluster, "access_log": _file_log(log)}
    return extension("envoy.filters.network.tcp_proxy", url, **fields)


def _file_log(path: Path | None, text: str = "") -> list[Config]:
    if path is None:
        return []
    text = text or "%FILTER_STATE(downstream_peer)% %FILTER_STATE(upstream_peer)%\n"
    url = f"{_TYPES}.access_loggers.file.v3.FileAccessLog"
    log_format = {"text_format_source": {"inline_string": text}}
    return [extension("file", url, path=str(path), log_format=log_format)]


def sidecar(side: Side, listener: Config, cluster: Config) -> Config:
    """The bootstrap of a proxy with one listener and one cluster."""
    static = {"listeners": [listener], "clusters": [cluster]}
    return {"node": side.node(), "static_resources": static}


def listener(direction: str, port: int, filters: Sequence[Config], **chain: object) -> Config:
    """A listener of a sidecar."""
    return {
        "name": direction,
        "traffic_direction": direction.upper(),
        "address": _address(port),
        "filter_chains": [{"filters": list(filters), **chain}],
    }


def cluster(name: str, port: int, workload: str = "", **fields: object) -> Config:
    """A cluster of one host, which stands for the service `reviews`."""
    service = {"host": SERVICE, "name": "reviews", "namespace": "shop"}
    endpoint: Config = {"endpoint": {"address": _address(port)}}
    if workload:
        endpoint["metadata"] = {"filter_metadata": {"istio": {"workload": workload}}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "metadata": {"filter_metadata": {"istio": {"services": [service]}}},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        **fields,
    }


def _address(port: int) -> Config:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def http2() -> Config:
    """Makes a cluster speak HTTP/2."""
    url = f"{_TYPES}.upstreams.http.v3.HttpProtocolOptions"
    options = {"@type": url, "explicit_http_config": {"http2_protocol_options": {}}}
    return {"typed_extension_protocol_options": {url.partition("/")[2]: options}}


def samples(text: str, metric: str) -> Iterator[tuple[Mapping[str, str], float]]:
    """The labels and the value of each sample of a metric in an answer of /stats/prometheus."""
    for line in text.splitlines():
        name, _, rest = line.partition("{")
        if name == metric:
            labels, _, value = rest.rpartition("} ")
            yield dict(_LABEL.findall(labels)), float(value)


def only(proxy: Proxy, metric: str) -> tuple[dict[str, str], float]:
    """The one sample of a metric, which may come a moment after the request."""
    return _wait(proxy, metric, lambda _: True)


def wait_sample(proxy: Proxy, metric: str, value: float) -> dict[str, str]:
    """The labels of the one sample of a metric, once it has the value."""
    return _wait(proxy, metric, lambda count: count == value)[0]


def _wait(
    proxy: Proxy, metric: str, wanted: Callable[[float], bool]
) -> tuple[dict[str, str], float]:
    deadline = time.monotonic() + 15
    found: list[tuple[dict[str, str], float]] = []
    while time.monotonic() < deadline:
        text = proxy.admin("/stats/prometheus").text
        found = [(dict(labels), value) for labels, value in samples(text, metric)]
        if len(found) == 1 and wanted(found[0][1]):
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"{metric}: {found}")
