"""Requests of the discovery service from bytes, and answers to bytes: the server's side.

Source: envoy/service/discovery/v3/discovery.proto
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.control.model.proxy import Build, Interception, Proxy, parse_node
from lateen.xds.codec import new_message, parse_message
from lateen.xds.messages import DeltaRequest, Response, SotwRequest

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import Node
    from envoy.service.discovery.v3 import discovery_pb2 as wire
    from google.protobuf.struct_pb2 import Struct


def decode_delta(data: bytes) -> tuple[DeltaRequest, Node | None]:
    """A DeltaDiscoveryRequest, and the node when it tells one.

    Raises:
        BadMessageError: it is none.
    """
    message = cast("wire.DeltaDiscoveryRequest", parse_message("DeltaDiscoveryRequest", data))
    request = DeltaRequest(
        type_url=message.type_url,
        subscribe=tuple(message.resource_names_subscribe),
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


def proxy_of(node: Node) -> Proxy:
    """The proxy that a node is.

    Raises:
        NodeError: its id is none of a proxy.
    """
    metadata = node.metadata
    locality = "/".join((node.locality.region, node.locality.zone, node.locality.sub_zone))
    return parse_node(
        node.id,
        labels=_texts(metadata, "LABELS"),
        addresses=tuple(one for one in _text(metadata, "INSTANCE_IPS").split(",") if one),
        service_account=_text(metadata, "SERVICE_ACCOUNT") or "default",
        locality=locality.rstrip("/"),
        interception=_interception(_text(metadata, "INTERCEPTION_MODE")),
        build=_build(metadata),
        dns_capture=_flag(metadata, "DNS_CAPTURE"),
    )


def _interception(name: str) -> Interception:
    """The mode of a name; REDIRECT where it is none, as in Istio."""
    return Interception.__members__.get(name, Interception.REDIRECT)


def _build(metadata: Struct) -> Build:
    if "LATEEN_VERSION" in metadata.fields:
        return Build.LATEEN
    return Build.ISTIO if "ISTIO_VERSION" in metadata.fields else Build.ENVOY


def _text(metadata: Struct, name: str) -> str:
    return metadata.fields[name].string_value if name in metadata.fields else ""


def _flag(metadata: Struct, name: str) -> bool:
    """Whether it is said to be so: as a text, as Istio's agent does, or as a boolean."""
    found = metadata.fields.get(name)
    if found is None:
        return False
    return found.bool_value or found.string_value.lower() in ("true", "1")


def _texts(metadata: Struct, name: str) -> dict[str, str]:
    if name not in metadata.fields:
        return {}
    fields = metadata.fields[name].struct_value.fields
    return {key: value.string_value for key, value in fields.items()}
