"""Requests of the discovery service from bytes, and answers to bytes: the server's side.

Source: envoy/service/discovery/v3/discovery.proto
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from lateen.xds.codec import new_message, parse_message
from lateen.xds.messages import DeltaRequest, Response, SotwRequest

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import Node
    from envoy.service.discovery.v3 import discovery_pb2 as wire


def decode_delta(data: bytes) -> tuple[DeltaRequest, Node | None]:
    """A DeltaDiscoveryRequest, and the node when it tells one.

    Raises:
        BadMessageError: it is none.
    """
    message = cast("wire.DeltaDiscoveryRequest", parse_message("DeltaDiscoveryRequest", data))
    request = DeltaRequest(
        type_url=message.type_url,
        # Thousands of proxies ask for the same names.
        subscribe=tuple(map(sys.intern, message.resource_names_subscribe)),
        unsubscribe=tuple(message.resource_names_unsubscribe),
        initial_versions=dict(message.initial_resource_versions),
        nonce=message.response_nonce,
        error=message.error_detail.message if message.HasField("error_detail") else None,
    )
    return request, message.node if message.HasField("node") else None


def decode_sotw(data: bytes) -> tuple[SotwRequest, Node | None]:
    """A DiscoveryRequest, and the node when it tells one.

    Raises:
        BadMessageError: it is none.
    """
    message = cast("wire.DiscoveryRequest", parse_message("DiscoveryRequest", data))
    request = SotwRequest(
        type_url=message.type_url,
        version=message.version_info,
        names=tuple(message.resource_names),
        nonce=message.response_nonce,
        error=message.error_detail.message if message.HasField("error_detail") else None,
    )
    return request, message.node if message.HasField("node") else None


def encode_delta(response: Response) -> bytes:
    """A DeltaDiscoveryResponse."""
    message = cast("wire.DeltaDiscoveryResponse", new_message("DeltaDiscoveryResponse"))
    message.type_url = response.type_url
    message.nonce = response.nonce
    message.system_version_info = response.version
    message.removed_resources.extend(response.removed)
    for one in response.resources:
        added = message.resources.add(name=one.name, version=one.version)
        added.resource.type_url = one.type_url
        added.resource.value = one.body or b""
    return message.SerializeToString()


def encode_sotw(response: Response) -> bytes:
    """A DiscoveryResponse."""
    message = cast("wire.DiscoveryResponse", new_message("DiscoveryResponse"))
    message.type_url = response.type_url
    message.nonce = response.nonce
    message.version_info = response.version
    for one in response.resources:
        message.resources.add(type_url=one.type_url, value=one.body or b"")
    return message.SerializeToString()
