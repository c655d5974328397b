"""Clusters: what their fields demand of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.check.context import CheckContext
from lateen.config.paths import Place

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster


def cluster(message: Cluster, place: Place, cx: CheckContext) -> None:
    """Outlier detection makes sense, and endpoints have addresses."""
    _check_addresses(message, place, cx)
    outlier = message.outlier_detection
    if outlier.HasField("max_ejection_time"):
        base = outlier.base_ejection_time.ToNanoseconds() or 30_000_000_000
        if outlier.max_ejection_time.ToNanoseconds() < base:
            where: Place = ((place, "outlier_detection"), "max_ejection_time")
            cx.error(where, "max_ejection_time is less than base_ejection_time")


def _check_addresses(message: Cluster, place: Place, cx: CheckContext) -> None:
    """Every endpoint has an address; Envoy looks at those of STATIC clusters only."""
    if message.WhichOneof("cluster_discovery_type") == "cluster_type" or message.type:
        return
    for group, locality in enumerate(message.load_assignment.endpoints):
        for index, item in enumerate(locality.lb_endpoints):
            if not item.endpoint.HasField("address"):
                where: Place = (((place, "load_assignment"), "endpoints"), group)
                cx.error(((where, "lb_endpoints"), index), "an endpoint needs an address")
