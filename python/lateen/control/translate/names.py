"""The names of clusters and what is derived from them, and of resources.

Source: pilot/pkg/model/service.go BuildSubsetKey, BuildDNSSrvSubsetKey.
"""

from __future__ import annotations

import re

from lateen.control.resources.meta import Key

PASSTHROUGH = "PassthroughCluster"
BLACK_HOLE = "BlackHoleCluster"
INBOUND_PASSTHROUGH = "InboundPassthroughCluster"
DYNAMIC_DNS = "AllowAnyDynamicDNSCluster"
HTTP_PROXY_TABLE = "http_proxy"
#: Where a sidecar's inbound clusters connect from, which traffic capture leaves alone.
INBOUND_SOURCE = "127.0.0.6"
INBOUND_SOURCE_IPV6 = "::6"
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
#: Of the largest port.
_DIGITS = 5


def outbound(port: int, subset: str, host: str) -> str:
    """The cluster of a service's port, or of a subset of it."""
    return f"outbound|{port}|{subset}|{host}"


def outbound_sni(port: int, subset: str, host: str) -> str:
    """What the cluster is called in the SNI of mutual TLS."""
    return f"outbound_.{port}_.{subset}_.{host}"


def inbound(port: int) -> str:
    """The cluster of a port of the application."""
    return f"inbound|{port}||"


def place(api_version: str, key: Key) -> str:
    """A resource in metadata: `/apis/GROUP/VERSION/namespaces/NAMESPACE/KIND/NAME`."""
    kind = _CAPITAL.sub("-", key.kind).lower()
    return f"/apis/{api_version}/namespaces/{key.namespace}/{kind}/{key.name}"


def port(written: str) -> int | None:
    """The port in a name that somebody asks for; None: it is none."""
    digits = written.isascii() and written.isdigit() and len(written) <= _DIGITS
    return int(written) if digits else None


def for_stats(cluster: str) -> str:
    """A cluster's name in stats; the delimiter tells where it ends."""
    return f"{cluster};"
