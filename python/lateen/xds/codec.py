"""Messages of the discovery service, to bytes and from them.

Source: envoy/service/discovery/v3/discovery.proto
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, cast

from google.protobuf.message import DecodeError

from lateen.protos import envoy_types
from lateen.xds.messages import DeltaRequest, Received, Request, Response, SotwRequest

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import ControlPlane
    from envoy.service.discovery.v3 import discovery_pb2 as wire
    from google.protobuf.any_pb2 import Any as AnyMessage
    from google.protobuf.message import Message

_PACKAGE = "envoy.service.discovery.v3"
_RESOURCE_URL = f"type.googleapis.com/{_PACKAGE}.Resource"
_INTERNAL = 13


class BadMessageError(Exception):
    """Bytes that are not the message that they should be; whoever sent them is at fault."""


def encode_request(request: Request, node: bytes | None) -> bytes:
    """A DiscoveryRequest or DeltaDiscoveryRequest, serialized.

    Args:
        request: what to say.
        node: a serialized core.v3.Node; None: the request goes without.
    """
    return build_request(request, node).SerializeToString()


def build_request(request: Request, node: bytes | None) -> Message:
    """As `encode_request`, before it is serialized."""
    message: wire.DiscoveryRequest | wire.DeltaDiscoveryRequest
    message = _sotw(request) if isinstance(request, SotwRequest) else _delta(request)
    message.type_url = request.type_url
    message.response_nonce = request.nonce
    if request.error is not None:
        message.error_detail.code = _INTERNAL
        message.error_detail.message = request.error
    if node is not None:
        message.node.MergeFromString(node)
    return message


def _sotw(request: SotwRequest) -> wire.DiscoveryRequest:
    message = cast("wire.DiscoveryRequest", new_message("DiscoveryRequest"))
    message.version_info = request.version
    message.resource_names.extend(request.names)
    return message


def _delta(request: DeltaRequest) -> wire.DeltaDiscoveryRequest:
    message = cast("wire.DeltaDiscoveryRequest", new_message("DeltaDiscoveryRequest"))
    message.resource_names_subscribe.extend(request.subscribe)
    message.resource_names_unsubscribe.extend(request.unsubscribe)
    message.initial_resource_versions.update(request.initial_versions)
    return message


def decode_sotw(data: bytes) -> Response:
    """A DiscoveryResponse.

    Raises:
        BadMessageError: it is none.
    """
    return response_of(cast("wire.DiscoveryResponse", parse_message("DiscoveryResponse", data)))


def response_of(message: wire.DiscoveryResponse) -> Response:
    """What a DiscoveryResponse says; resources in an `envoy.service.discovery.v3.Resource` too."""
    return Response(
        message.type_url,
        message.version_info,
        message.nonce,
        [_unwrap(each, message.version_info) for each in message.resources],
        (),
        _identifier(message, message.control_plane),
    )


def decode_delta(data: bytes) -> Response:
    """A DeltaDiscoveryResponse.

    Raises:
        BadMessageError: it is none.
    """
    message = cast("wire.DeltaDiscoveryResponse", parse_message("DeltaDiscoveryResponse", data))
    return Response(
        message.type_url,
        message.system_version_info,
        message.nonce,
        [_wrapped(each) for each in message.resources],
        tuple(message.removed_resources),
        _identifier(message, message.control_plane),
    )


def type_url_of(answer: bytes) -> str:
    """The type of a DiscoveryResponse or DeltaDiscoveryResponse, without reading the rest.

    "" when it tells none, or is no message.
    """
    try:
        return _last_field(answer, 4).decode()
    except (BadMessageError, UnicodeDecodeError):
        return ""


def resource_name(body: bytes) -> str:
    """The name in a resource: the first field of all resources of xDS; "" when it has none.

    So has what is no message at all, which is found out when the resource is parsed.
    """
    try:
        return _last_field(body, 1).decode()
    except (BadMessageError, UnicodeDecodeError):
        return ""


def _last_field(body: bytes, number: int) -> bytes:
    """What a field of text has; the last of several counts."""
    wanted = number << 3 | 2  # length-delimited
    found = b""
    position = 0
    while position < len(body):
        tag, position = _varint(body, position)
        start, position = _skip(body, position, tag & 7)
        if tag == wanted:
            found = body[start:position]
    return found


def _unwrap(packed: AnyMessage, version: str) -> Received:
    body = packed.value
    if packed.type_url == _RESOURCE_URL:
        with contextlib.suppress(BadMessageError):
            return _wrapped(cast("wire.Resource", parse_message("Resource", body)), version)
    return Received(resource_name(body), packed.type_url, body)


def _wrapped(resource: wire.Resource, version: str = "") -> Received:
    has_body = resource.HasField("resource")
    body = resource.resource.value if has_body else None
    ttl = resource.ttl
    return Received(
        resource.name or resource.resource_name.name or (resource_name(body) if body else ""),
        resource.resource.type_url if has_body else "",
        body,
        version or resource.version,
        tuple(resource.aliases),
        ttl.seconds + ttl.nanos / 1e9 if resource.HasField("ttl") else None,
    )


def _identifier(message: Message, control_plane: ControlPlane) -> str | None:
    return control_plane.identifier if message.HasField("control_plane") else None


def new_message(name: str) -> Message:
    """An empty message of envoy.service.discovery.v3."""
    return envoy_types().message_class(f"{_PACKAGE}.{name}")()


def parse_message(name: str, data: bytes) -> Message:
    """A message of envoy.service.discovery.v3.

    Raises:
        BadMessageError: `data` is none.
    """
    message = new_message(name)
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise BadMessageError(f"no {name}: {error}") from None
    return message


def _skip(data: bytes, position: int, wire_type: int) -> tuple[int, int]:
    """Where the content of a field starts and ends."""
    if wire_type == 0:
        return position, _varint(data, position)[1]
    if wire_type == 2:
        length, position = _varint(data, position)
    elif wire_type == 1:
        length = 8
    elif wire_type == 5:
        length = 4
    else:
        raise BadMessageError(f"unknown wire type {wire_type}")
    if position + length > len(data):
        raise BadMessageError("it ends in the middle of a field")
    return position, position + length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data) and shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise BadMessageError("it ends in the middle of a number")
