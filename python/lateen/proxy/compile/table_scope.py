"""What the virtual hosts of a route table share when they are compiled.

Source: envoy/config/route/v3/route.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.proxy.compile.digest import digest
from lateen.proxy.compile.direct_response import DEFAULT_BODY_LIMIT

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import ClusterSpecifierPlugin
    from envoy.config.route.v3.route_pb2 import RouteConfiguration


@dataclass(frozen=True)
class TableScope:
    """What a RouteConfiguration says beside its virtual hosts.

    Attributes:
        body_limit: how long a direct response may be, in bytes.
        plugins: what chooses clusters for the routes that name it.
        key: the same for the same of these.
    """

    body_limit: int
    plugins: Mapping[str, ClusterSpecifierPlugin]
    key: bytes


def scope_of(config: RouteConfiguration) -> TableScope:
    """What the virtual hosts of `config` share."""
    limit = config.max_direct_response_body_size_bytes
    parts = [limit.SerializeToString()]
    parts += (p.SerializeToString(deterministic=True) for p in config.cluster_specifier_plugins)
    return TableScope(
        body_limit=(
            limit.value
            if config.HasField("max_direct_response_body_size_bytes")
            else DEFAULT_BODY_LIMIT
        ),
        plugins={plugin.extension.name: plugin for plugin in config.cluster_specifier_plugins},
        key=parts[0] if len(parts) == 1 else digest(b"".join(parts)),
    )
