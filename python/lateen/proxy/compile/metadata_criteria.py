"""What metadata a route or a tcp_proxy asks of its hosts.

Source: metadata_match in envoy/config/route/v3/route_components.proto and
envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.proxy.compile.values import struct_to_python, to_json

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import Metadata

_NAMESPACE = "envoy.lb"


def criteria_json(metadata: Metadata, inherited: Metadata | None = None) -> str:
    """The criteria as a JSON object, "" if there are none.

    Those of `inherited` (a route's, for one of its clusters) count where `metadata` has none of
    the same name.
    """
    own = metadata.filter_metadata
    if _NAMESPACE not in own:
        return ""
    criteria = struct_to_python(own[_NAMESPACE])
    if inherited is not None and _NAMESPACE in inherited.filter_metadata:
        criteria = {**struct_to_python(inherited.filter_metadata[_NAMESPACE]), **criteria}
    return to_json(criteria)
