"""What each proxy has, as Istio's `/debug/syncz` and `/debug/adsz` tell.

Source: pilot/pkg/xds/debug.go (SyncStatus, AdsClients).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from lateen.control.metrics import short_name
from lateen.control.push.connection import Connection
from lateen.control.push.watch import Watch
from lateen.xds.resource_types import CDS, ECDS, EDS, LDS, RDS

Json = dict[str, object]
_CLUSTER = "Kubernetes"
#: What the page calls the types.
_FIELDS = {
    CDS.type_url: "cluster",
    LDS.type_url: "listener",
    RDS.type_url: "route",
    EDS.type_url: "endpoint",
    ECDS.type_url: "extensionconfig",
}


def syncz(connections: Iterable[Connection], version: str) -> list[Json]:
    """For each proxy the nonces of what it was sent last, and of what it took last."""
    return [_status(one, version) for one in in_order(connections)]


def _status(connection: Connection, version: str) -> Json:
    found: Json = {
        "cluster_id": _CLUSTER,
        "proxy": connection.name,
        "istio_version": version,
    }
    for type_url, name in _FIELDS.items():
        watch = connection.session.watches.get(type_url, Watch(delta=True))
        nonces = {f"{name}_sent": watch.nonce, f"{name}_acked": watch.acknowledged}
        found.update((key, nonce) for key, nonce in nonces.items() if nonce)
    return found


def adsz(connections: Iterable[Connection]) -> Json:
    """Who is connected, since when, and what it wants."""
    clients = [
        {
            "connectionId": one.id,
            "connectedAt": datetime.fromtimestamp(one.since, UTC).isoformat(),
            "address": one.peer,
            "labels": dict(one.proxy.labels),
            "watches": {
                type_url: sorted(watch.names) for type_url, watch in one.session.watches.items()
            },
        }
        for one in in_order(connections)
    ]
    return {"totalClients": len(clients), "clients": clients}


def generations(connections: Iterable[Connection]) -> list[Json]:
    """For each proxy the generation that it was sent and has taken, and what it refused."""
    return [
        {
            "proxy": one.name,
            "connection": one.id,
            "sent": one.sent,
            "acknowledged": one.taken,
            "refused": {
                short_name(type_url): dict(watch.refused)
                for type_url, watch in one.session.watches.items()
                if watch.refused
            },
        }
        for one in in_order(connections)
    ]


def in_order(connections: Iterable[Connection]) -> list[Connection]:
    """By the names of the proxies, then by age."""
    return sorted(connections, key=lambda one: (one.name, one.number))
