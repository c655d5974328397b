"""Who the proxy of a stream is, and answers as bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from lateen.control.model.proxy import Build, Interception, Proxy, parse_node
from lateen.control.push.watch import Push
from lateen.xds.codec import new_message

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import Node
    from envoy.service.discovery.v3 import discovery_pb2 as wire
    from google.protobuf.struct_pb2 import Struct


def encode(push: Push) -> bytes:
    """A DeltaDiscoveryResponse, or a DiscoveryResponse."""
    if push.delta:
        delta = cast("wire.DeltaDiscoveryResponse", new_message("DeltaDiscoveryResponse"))
        delta.type_url, delta.nonce = push.type_url, push.nonce
        delta.system_version_info = push.version
        delta.removed_resources.extend(push.removed)
        return b"".join((delta.SerializeToString(), *(one.delta for one in push.resources)))
    whole = cast("wire.DiscoveryResponse", new_message("DiscoveryResponse"))
    whole.type_url, whole.nonce, whole.version_info = push.type_url, push.nonce, push.version
    return b"".join((whole.SerializeToString(), *(one.whole for one in push.resources)))


def proxy_of(node: Node) -> Proxy:
    """The proxy that a node is.

    Raises:
        NodeError: its id is none of a proxy.
    """
    metadata = node.metadata
    locality = "/".join((node.locality.region, node.locality.zone, node.locality.sub_zone))
    found = parse_node(
        node.id,
        labels=_texts(metadata, "LABELS"),
        addresses=tuple(one for one in _text(metadata, "INSTANCE_IPS").split(",") if one),
        service_account=_text(metadata, "SERVICE_ACCOUNT") or "default",
        locality=locality.rstrip("/"),
        interception=_interception(_text(metadata, "INTERCEPTION_MODE")),
        build=_build(metadata),
        dns_capture=_flag(metadata, "DNS_CAPTURE"),
    )
    return replace(found, proxyless=_text(metadata, "GENERATOR") == "grpc")


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
