"""Turns cases into one bootstrap: a listener and clusters of its own for each case."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml

from tests.interop.model import Case
from tests.support.collector import Collector, CollectorScript
from tests.support.dns import DnsServer, Zone
from tests.support.http2_upstream import Script2, Upstream2
from tests.support.ports import PortLease
from tests.support.telemetry_service import TelemetryScript, TelemetryService
from tests.support.tls_files import tls_files
from tests.support.unary_service import UnaryScript, UnaryService
from tests.support.upstream import Upstream

HCM = (
    "type.googleapis.com/envoy.extensions.filters.network"
    ".http_connection_manager.v3.HttpConnectionManager"
)
FILE_LOG = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"

LOG_FORMAT = (
    "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%"
    " %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% flags=%RESPONSE_FLAGS%/%RESPONSE_FLAGS_LONG%"
    " term=%CONNECTION_TERMINATION_DETAILS% rx=%BYTES_RECEIVED% tx=%BYTES_SENT%"
    " host=%UPSTREAM_HOST% cluster=%UPSTREAM_CLUSTER% fail=%UPSTREAM_TRANSPORT_FAILURE_REASON%"
    " attempts=%UPSTREAM_REQUEST_ATTEMPT_COUNT% route=%ROUTE_NAME%"
    " authority=%REQ(:AUTHORITY)% xff=%REQ(X-FORWARDED-FOR)%\n"
)

Mapped = dict[str, object]
Server = Upstream | Upstream2 | UnaryService | Collector | TelemetryService


@dataclass
class Scene:
    """The things of one case that exist on one proxy: its prefix, ports, upstreams and files."""

    case: Case
    prefix: str
    listener: PortLease
    dead: PortLease
    upstreams: dict[str, Server]
    directory: Path
    dns: DnsServer | None = None

    @property
    def log_path(self) -> Path:
        """Where this case's access log goes."""
        return self.directory / "access.log"

    def fill_in(self, text: str) -> str:
        """Replace the `$NAME`s of a case's text."""

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name in self.upstreams:
                upstream = self.upstreams[name]
                return upstream.path or str(upstream.port)
            if name == "certs":
                return str(tls_files())
            if name == "dir":
                return str(self.directory)
            ports = {"dead": self.dead.port, "listener": self.listener.port}
            if self.dns is not None:
                ports["dns"] = self.dns.port
            return str(ports[name]) if name in ports else f"{self.prefix}_{name}"

        return re.sub(r"\$([a-z][a-z0-9_]*)", value, text)

    def load(self, text: str) -> object:
        """Parse a case's YAML with its names filled in."""
        return yaml.safe_load(self.fill_in(text))

    def mapping(self, text: str) -> Mapped:
        """Parse a YAML mapping; nothing for an empty text."""
        return cast(Mapped, self.load(text)) if text else {}

    def close(self) -> None:
        """Free the ports and end the upstreams."""
        for upstream in self.upstreams.values():
            upstream.close()
        self.listener.close()
        self.dead.close()
        if self.dns is not None:
            self.dns.close()


def make_scene(case: Case, number: int, directory: Path) -> Scene:
    """Start the case's upstreams and take its ports."""
    home = directory / f"k{number:03d}"
    home.mkdir(parents=True)
    upstreams = {name: _upstream(case, name, home) for name in case.upstreams}
    dns = DnsServer(Zone(case.names, case.name_ttl)) if case.names is not None else None
    return Scene(case, f"k{number:03d}", PortLease(), PortLease(), upstreams, home, dns)


def _upstream(case: Case, name: str, home: Path) -> Server:
    script = case.upstreams[name]
    if isinstance(script, TelemetryScript):
        return TelemetryService(script)
    if isinstance(script, CollectorScript):
        return Collector(script)
    if isinstance(script, UnaryScript):
        return UnaryService(script)
    if isinstance(script, Script2):
        return Upstream2(script, case.upstream_tls.get(name))
    path = str(home / name) if name.startswith("unix") else None
    return Upstream(script, path=path, tls=case.upstream_tls.get(name))


def bootstrap(scenes: Sequence[Scene]) -> Mapped:
    """One configuration that serves all scenes."""
    extra: Mapped = {}
    for scene in scenes:
        extra.update(scene.mapping(scene.case.bootstrap))
    static = {
        "listeners": [listener for scene in scenes for listener in listeners(scene)],
        "clusters": [cluster for scene in scenes for cluster in clusters(scene)],
    }
    return {"static_resources": static, **extra}


def listeners(scene: Scene) -> list[Mapped]:
    """The listeners of one case."""
    more = scene.load(scene.case.listeners) if scene.case.listeners else []
    return [listener(scene), *cast("list[Mapped]", more)]


def listener(scene: Scene) -> Mapped:
    """The listener of one case that its clients use."""
    address = {"address": "127.0.0.1", "port_value": scene.listener.port}
    network_filter = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": http_connection_manager(scene),
    }
    return {
        "name": scene.fill_in("$listener_name"),
        "address": {"socket_address": address},
        "filter_chains": [{"filters": [network_filter]}],
        **scene.mapping(scene.case.listener),
    }


def http_connection_manager(scene: Scene) -> Mapped:
    """The connection manager of one case, with an access log of many operators."""
    case = scene.case
    hosts: object = [{"name": "vh", "domains": ["*"], "routes": scene.load(case.routes)}]
    if case.virtual_hosts:
        hosts = scene.load(case.virtual_hosts)
    routes: Mapped = {"name": "local", "virtual_hosts": hosts}
    routes.update(scene.mapping(case.route_config))
    log: Mapped = {
        "@type": FILE_LOG,
        "path": str(scene.log_path),
        "log_format": {
            "text_format_source": {"inline_string": scene.fill_in(case.log_format or LOG_FORMAT)}
        },
    }
    changes = scene.mapping(case.hcm)
    return {
        "@type": HCM,
        "stat_prefix": scene.fill_in("$http"),
        "delayed_close_timeout": "0.1s",
        "access_log": [{"name": "envoy.access_loggers.file", "typed_config": log}],
        **({} if "scoped_routes" in changes else {"route_config": routes}),
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}}],
        **changes,
    }


def clusters(scene: Scene) -> list[Mapped]:
    """The clusters of one case, with `hosts` spelled out."""
    out = []
    for given in cast(Sequence[Mapping[str, object]], scene.load(scene.case.clusters)):
        kind = {} if "cluster_type" in given else {"type": "STATIC"}
        cluster: Mapped = {**kind, "connect_timeout": "1s", **given}
        hosts = cast("Sequence[int | str] | None", cluster.pop("hosts", None))
        if hosts is not None:
            cluster["load_assignment"] = {
                "cluster_name": cluster["name"],
                "endpoints": [{"lb_endpoints": [endpoint(host) for host in hosts]}],
            }
        out.append(cluster)
    return out


def endpoint(host: int | str) -> Mapped:
    """A loopback port, or a unix socket's path, as an LbEndpoint."""
    if isinstance(host, str):
        return {"endpoint": {"address": {"pipe": {"path": host}}}}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": host}}
    return {"endpoint": {"address": address}}
