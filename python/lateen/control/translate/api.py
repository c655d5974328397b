"""Envoy's messages by short names, as the translation builds them.

They are of the private descriptor pool, and made when they are first used: write
`api.Cluster(...)`, not `from ... import Cluster`. A type checker sees Envoy's own modules.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lateen.protos import envoy_types

if TYPE_CHECKING:
    from envoy.config.core.v3.address_pb2 import CidrRange as CidrRange
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig as TypedExtensionConfig
    from envoy.config.listener.v3 import listener_components_pb2 as _listener
    from envoy.config.rbac.v3 import rbac_pb2 as _rbac
    from envoy.config.rbac.v3.rbac_pb2 import Permission as Permission
    from envoy.config.rbac.v3.rbac_pb2 import Policy as Policy
    from envoy.config.rbac.v3.rbac_pb2 import Principal as Principal
    from envoy.config.route.v3.route_components_pb2 import HeaderMatcher as HeaderMatcher
    from envoy.extensions.filters.http.rbac.v3 import rbac_pb2 as _http_rbac
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as _hcm,
    )
    from envoy.extensions.filters.network.rbac.v3 import rbac_pb2 as _network_rbac
    from envoy.extensions.path.match.uri_template.v3 import uri_template_match_pb2 as _uri
    from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher as MetadataMatcher
    from envoy.type.matcher.v3.path_pb2 import PathMatcher as PathMatcher
    from envoy.type.matcher.v3.regex_pb2 import RegexMatcher as RegexMatcher
    from envoy.type.matcher.v3.string_pb2 import StringMatcher as StringMatcher
    from envoy.type.matcher.v3.value_pb2 import ListMatcher as ListMatcher
    from envoy.type.matcher.v3.value_pb2 import OrMatcher as OrMatcher
    from envoy.type.matcher.v3.value_pb2 import ValueMatcher as ValueMatcher
    from google.protobuf.any_pb2 import Any as Any
    from google.protobuf.message import Message

    HttpFilter = _hcm.HttpFilter
    HttpRbac = _http_rbac.RBAC
    NetworkFilter = _listener.Filter
    NetworkRbac = _network_rbac.RBAC
    Rbac = _rbac.RBAC
    UriTemplateMatchConfig = _uri.UriTemplateMatchConfig

_NAMES = {
    "Any": "google.protobuf.Any",
    "CidrRange": "envoy.config.core.v3.CidrRange",
    "HeaderMatcher": "envoy.config.route.v3.HeaderMatcher",
    "HttpFilter": "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
    "HttpRbac": "envoy.extensions.filters.http.rbac.v3.RBAC",
    "ListMatcher": "envoy.type.matcher.v3.ListMatcher",
    "MetadataMatcher": "envoy.type.matcher.v3.MetadataMatcher",
    "NetworkFilter": "envoy.config.listener.v3.Filter",
    "NetworkRbac": "envoy.extensions.filters.network.rbac.v3.RBAC",
    "OrMatcher": "envoy.type.matcher.v3.OrMatcher",
    "PathMatcher": "envoy.type.matcher.v3.PathMatcher",
    "Permission": "envoy.config.rbac.v3.Permission",
    "Policy": "envoy.config.rbac.v3.Policy",
    "Principal": "envoy.config.rbac.v3.Principal",
    "Rbac": "envoy.config.rbac.v3.RBAC",
    "RegexMatcher": "envoy.type.matcher.v3.RegexMatcher",
    "StringMatcher": "envoy.type.matcher.v3.StringMatcher",
    "TypedExtensionConfig": "envoy.config.core.v3.TypedExtensionConfig",
    "UriTemplateMatchConfig": "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
    "ValueMatcher": "envoy.type.matcher.v3.ValueMatcher",
}

if not TYPE_CHECKING:

    def __getattr__(name):  # noqa: ANN001, ANN202 - a checker sees the imports above
        if name not in _NAMES:
            raise AttributeError(name)
        found = globals()[name] = envoy_types().message_class(_NAMES[name])
        return found


def packed(message: Message) -> Any:
    """The message in an Any; equal messages have equal bytes."""
    made: Any = sys.modules[__name__].Any(
        type_url=f"type.googleapis.com/{message.DESCRIPTOR.full_name}",
        value=message.SerializeToString(deterministic=True),
    )
    return made
