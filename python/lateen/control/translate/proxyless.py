"""What gRPC applications without a proxy ask for, by name: `xds:///HOST:PORT` (GENERATOR: grpc).

A listener is named HOST:PORT, its routes and cluster as the cluster of a sidecar. Calls go without
TLS: certificates of such applications are not given yet.

Source: pilot/pkg/networking/grpcgen (lds.go, rds.go, cds.go); gRFC A27, A28.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.control.model.hosts import full_name
from lateen.control.translate import api, names
from lateen.control.translate.endpoints import choice_of
from lateen.control.translate.reuse import Inputs, Reuse
from lateen.control.translate.routes.tables import Tables
from lateen.control.translate.values import address, by_ads
from lateen.xds.resource_types import CDS, LDS, RDS

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.listener.v3.listener_pb2 import Listener
    from envoy.config.route.v3.route_pb2 import RouteConfiguration
    from google.protobuf.message import Message

_FAULT, _ROUTER = "envoy.filters.http.fault", "envoy.filters.http.router"


def resource(type_url: str, name: str, inputs: Inputs, reuse: Reuse) -> Message | None:
    """A listener, a cluster or routes; None: there is none of this name."""
    if type_url == LDS.type_url:
        return _listener(name, inputs)
    if type_url == CDS.type_url:
        return _cluster(name, inputs)
    return _routes(name, inputs, reuse) if type_url == RDS.type_url else None


def _listener(name: str, inputs: Inputs) -> Listener | None:
    written, _, last = name.rpartition(":")
    number = names.port(last)
    host = full_name(written, inputs.proxy.namespace, inputs.mesh.domain)
    service = inputs.services.get(host)
    if service is None or number is None or service.port(number) is None:
        return None
    manager = api.HttpConnectionManager(
        rds=api.Rds(config_source=by_ads(), route_config_name=names.outbound(number, "", host)),
        http_filters=[
            api.HttpFilter(name=_FAULT, typed_config=api.packed(api.HttpFault())),
            api.HttpFilter(name=_ROUTER, typed_config=api.packed(api.Router())),
        ],
    )
    made = api.Listener(name=name, address=address(service.address, number))
    made.api_listener.api_listener.CopyFrom(api.packed(manager))
    return made


def _routes(name: str, inputs: Inputs, reuse: Reuse) -> RouteConfiguration | None:
    choice = choice_of(inputs.mesh, inputs.proxy, inputs.services, name)
    if choice is None or not choice.service:
        return None
    _, number, _, host = name.split("|")
    made = Tables(inputs, reuse).table(f"{host}:{number}")
    made.name = name
    return made


def _cluster(name: str, inputs: Inputs) -> Cluster | None:
    choice = choice_of(inputs.mesh, inputs.proxy, inputs.services, name)
    if choice is None or not choice.service:
        return None
    made = api.Cluster(name=name, type=api.Cluster.EDS, lb_policy=api.Cluster.ROUND_ROBIN)
    made.eds_cluster_config.service_name = name
    made.eds_cluster_config.eds_config.CopyFrom(by_ads())
    return made
