"""What one proxy is to have, as Envoy's own `/config_dump` shows it.

Source: envoy/admin/v3/config_dump.proto; pilot/pkg/xds/debug.go ConfigDump. Secrets are not in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from google.protobuf import json_format

from lateen.control.push.blob import Blob
from lateen.control.push.generated import Scoped
from lateen.protos import envoy_types
from lateen.xds.resource_types import CDS, EDS, LDS, RDS, TYPE_URL_PREFIX, ResourceType

Json = dict[str, object]
_ADMIN = f"{TYPE_URL_PREFIX}envoy.admin.v3."


def config_dump(scoped: Scoped, names: Mapping[str, Sequence[str]]) -> Json:
    """The clusters, listeners, routes and endpoints of a proxy.

    Args:
        names: that it asked for, by type.
    """
    clusters = [
        {"version_info": one.version, "cluster": _shown(CDS, one)}
        for one in scoped.all_of(CDS.type_url).values()
    ]
    listeners = [
        {
            "name": one.name,
            "active_state": {"version_info": one.version, "listener": _shown(LDS, one)},
        }
        for one in scoped.all_of(LDS.type_url).values()
    ]
    routes = [
        {"version_info": one.version, "route_config": _shown(RDS, one)}
        for one in _watched(scoped, names, RDS)
    ]
    endpoints = [
        {"version_info": one.version, "endpoint_config": _shown(EDS, one)}
        for one in _watched(scoped, names, EDS)
    ]
    return {
        "configs": [
            {"@type": f"{_ADMIN}ClustersConfigDump", "dynamic_active_clusters": clusters},
            {"@type": f"{_ADMIN}ListenersConfigDump", "dynamic_listeners": listeners},
            {"@type": f"{_ADMIN}RoutesConfigDump", "dynamic_route_configs": routes},
            {"@type": f"{_ADMIN}EndpointsConfigDump", "dynamic_endpoint_configs": endpoints},
        ]
    }


def _watched(
    scoped: Scoped, names: Mapping[str, Sequence[str]], kind: ResourceType
) -> Iterator[Blob]:
    for name in names.get(kind.type_url, ()):
        found = scoped.named(kind.type_url, name)
        if found is not None:
            yield found


def _shown(kind: ResourceType, resource: Blob) -> Json:
    types = envoy_types()
    message = types.message_class(kind.message)()
    message.ParseFromString(resource.body)
    shown: Json = json_format.MessageToDict(
        message, preserving_proto_field_name=True, descriptor_pool=types.pool
    )
    return {"@type": kind.type_url, **shown}
