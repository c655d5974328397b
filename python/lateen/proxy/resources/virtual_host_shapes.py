"""Virtual hosts that differ in their name, domains and clusters alone are compiled once.

As with clusters (cluster_shapes.py): what is left without those is a shape, and control planes make
a thousand virtual hosts from a few.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lateen.protos import worker_pb2

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import VirtualHost

_KEPT = 64
# What rules allow in names beyond doubt: everything else is checked whole.
_PLAIN = re.compile(r"[!-~]+")


class VirtualHostShapes:
    """The shapes of the last good virtual hosts, each with what it was compiled to."""

    def __init__(self) -> None:
        self._shapes: dict[bytes, worker_pb2.VirtualHost] = {}

    def find(self, host: VirtualHost, shape: bytes) -> worker_pb2.VirtualHost | None:
        """The compiled virtual host, if its shape is known."""
        known = self._shapes.get(shape)
        if known is None or not host.domains or not _is_plain((host.name, *host.domains)):
            return None
        clusters = _clusters(host)
        if not _is_plain(clusters):
            return None
        compiled = worker_pb2.VirtualHost()
        compiled.CopyFrom(known)
        compiled.name = host.name
        compiled.domains[:] = [domain.lower() for domain in host.domains]
        named = iter(clusters)
        for route in compiled.routes:
            if route.route.WhichOneof("cluster_specifier") == "cluster":
                route.route.cluster = next(named)
        return compiled

    def keep(self, shape: bytes, compiled: worker_pb2.VirtualHost) -> None:
        """Remembers a shape."""
        while len(self._shapes) >= _KEPT:
            del self._shapes[next(iter(self._shapes))]
        self._shapes[shape] = compiled


def shape_of(host: VirtualHost, salt: bytes) -> bytes:
    """The virtual host without name, domains and clusters, serialized, and the salt.

    The message is as before in the end.
    """
    name, domains, clusters = host.name, list(host.domains), _clusters(host)
    host.name = ""
    del host.domains[:]
    _set_clusters(host, ("",) * len(clusters))
    shape = host.SerializeToString(deterministic=True)
    host.name = name
    host.domains.extend(domains)
    _set_clusters(host, clusters)
    return shape + salt


def _is_plain(texts: Sequence[str]) -> bool:
    return all(map(_PLAIN.fullmatch, texts))


def _clusters(host: VirtualHost) -> list[str]:
    return [
        route.route.cluster
        for route in host.routes
        if route.HasField("route") and route.route.HasField("cluster")
    ]


def _set_clusters(host: VirtualHost, clusters: Sequence[str]) -> None:
    named = iter(clusters)
    for route in host.routes:
        if route.HasField("route") and route.route.HasField("cluster"):
            route.route.cluster = next(named)
