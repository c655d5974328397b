"""A collection of resources in a file.

Source: xds/core/v3/collection_entry.proto, `file:` in xds/core/v3/resource_locator.proto; errors as
in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from google.protobuf.message import DecodeError

from lateen.config.sources import format_of
from lateen.protos import UnknownTypeError, envoy_types
from lateen.proxy.xds.document import Document, DocumentError, fill, read_file
from lateen.xds.messages import Received, Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envoy.service.discovery.v3.discovery_pb2 import Resource
    from google.protobuf.any_pb2 import Any as AnyMessage
    from xds.core.v3.collection_entry_pb2 import CollectionEntry

_MESSAGE = "envoy.service.discovery.v3.Resource"
_ENTRY = "xds.core.v3.CollectionEntry"
_LIST = "entries"


def read_collection(path: str, type_url: str) -> Document:
    """The resources in a file that is a collection; its extension tells the format.

    Entries that are locators of resources elsewhere are left out, as Envoy does.

    Raises:
        DocumentError: it cannot be read, or is no collection of such resources.
    """
    message = envoy_types().message_class(_MESSAGE)()
    unknown = fill(message, path, read_file(path), format_of(path))
    resource = cast("Resource", message)
    received = []
    for entry in _entries(resource.resource, path):
        if entry.HasField("inline_entry"):
            inline = entry.inline_entry
            _check_type(inline.resource, type_url, path)
            received.append(
                Received(
                    inline.name, inline.resource.type_url, inline.resource.value, inline.version
                )
            )
    return Document(Response(type_url, resource.version, "", received), unknown)


def _entries(packed: AnyMessage, path: str) -> Iterable[CollectionEntry]:
    name = packed.type_url.rpartition("/")[2]
    try:
        collection = envoy_types().message_class(name)()
        collection.ParseFromString(packed.value)
    except (UnknownTypeError, DecodeError):
        raise DocumentError(f"in {path}, Unknown collection type {name}") from None
    field = collection.DESCRIPTOR.fields_by_name.get(_LIST)
    entry = field.message_type if field is not None and field.is_repeated else None
    if entry is None or entry.full_name != _ENTRY:
        raise DocumentError(
            f"in {path}, Invalid structure for collection type {name}: no list of {_LIST}"
        )
    entries: Iterable[CollectionEntry] = getattr(collection, _LIST)
    return entries


def _check_type(packed: AnyMessage, type_url: str, path: str) -> None:
    if packed.type_url != type_url:
        wanted = type_url.rpartition("/")[2]
        raise DocumentError(f"in {path}, Unable to unpack as {wanted}: {packed.type_url}")
