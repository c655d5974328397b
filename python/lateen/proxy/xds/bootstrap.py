"""What of the bootstrap says where resources come from.

Source: envoy/config/bootstrap/v3/bootstrap.proto
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from lateen.protos import envoy_types
from lateen.xds.names import XdstpName

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3.config_source_pb2 import ApiConfigSource, ConfigSource
    from google.protobuf.message import Message

_Copied = TypeVar("_Copied", bound="Message")


class BootstrapSources:
    """The node, the ADS source, and the sources of xdstp names of a bootstrap.

    Attributes:
        node: serialized core.v3.Node.
        ads: the aggregated source; None without one.
        load_stats: where load is reported; None: nowhere.
    """

    def __init__(self, serialized: bytes) -> None:
        self._serialized = serialized
        self._clusters: dict[str, Cluster | None] = {}
        bootstrap = self._parse()
        self.node = bootstrap.node.SerializeToString()
        dynamic = bootstrap.dynamic_resources
        self.ads: ApiConfigSource | None = None
        if dynamic.HasField("ads_config"):
            self.ads = _copy(dynamic.ads_config)
        self.load_stats: ApiConfigSource | None = None
        if bootstrap.cluster_manager.HasField("load_stats_config"):
            self.load_stats = _copy(bootstrap.cluster_manager.load_stats_config)
        self._sources: Sequence[ConfigSource] = [_copy(each) for each in bootstrap.config_sources]
        self._default: ConfigSource | None = None
        if bootstrap.HasField("default_config_source"):
            self._default = _copy(bootstrap.default_config_source)
        self._context = _node_context(bootstrap)

    def cluster(self, name: str) -> Cluster | None:
        """A cluster of static_resources with endpoints of its own; None without one."""
        if name not in self._clusters:
            # The whole bootstrap may be large: it is not kept as a message.
            found = [
                each
                for each in self._parse().static_resources.clusters
                if each.name == name and not each.HasField("eds_cluster_config")
            ]
            self._clusters[name] = _copy(found[0]) if found else None
        return self._clusters[name]

    def source_of(self, name: str) -> ConfigSource | None:
        """Where an xdstp name comes from: the first source with its authority, or the default."""
        authority = XdstpName.parse(name).authority
        for source in self._sources:
            if any(each.name == authority for each in source.authorities):
                return source
        return self._default

    def spell(self, name: str) -> str:
        """A name as it is asked for: xdstp names in order, collections with the node's context.

        Raises:
            XdstpNameError: it begins as an xdstp name and is none.
        """
        if not XdstpName.is_one(name):
            return name
        parsed = XdstpName.parse(name)
        return str(parsed.within(self._context) if parsed.is_collection else parsed)

    def _parse(self) -> Bootstrap:
        message = envoy_types().message_class("envoy.config.bootstrap.v3.Bootstrap")()
        message.ParseFromString(self._serialized)
        return cast("Bootstrap", message)


def _copy(message: _Copied) -> _Copied:
    """A message that does not keep the one alive that it was in."""
    copied = type(message)()
    copied.CopyFrom(message)
    return copied


def _node_context(bootstrap: Bootstrap) -> Mapping[str, str]:
    """`xds.node.*` for each of node_context_params."""
    node = bootstrap.node
    known = {
        "id": node.id,
        "cluster": node.cluster,
        "user_agent_name": node.user_agent_name,
        "user_agent_version": node.user_agent_version,
        "locality.region": node.locality.region,
        "locality.zone": node.locality.zone,
        "locality.sub_zone": node.locality.sub_zone,
    }
    return {f"xds.node.{name}": known.get(name, "") for name in bootstrap.node_context_params}
