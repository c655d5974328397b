"""Message classes by name, and what is packed in an Any."""

from __future__ import annotations

import functools
import mmap
import os
from typing import Protocol

from google.protobuf.descriptor import Descriptor, EnumDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from lateen.protos.database import DescriptorFiles

TYPE_URL_PREFIX = "type.googleapis.com/"


class PackedMessage(Protocol):
    """What an Any has, whichever pool its class is from."""

    type_url: str
    value: bytes


class UnknownTypeError(Exception):
    """No message type has this name; `name` is what was asked for."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown message type {name!r}")
        self.name = name


class TypeRegistry:
    """The message types of one descriptor pool."""

    def __init__(self, serialized_set: bytes | mmap.mmap) -> None:
        self._files = DescriptorFiles(serialized_set)
        self.pool = DescriptorPool(self._files)
        self._kept: dict[str, type[Message]] | None = None

    def keep_classes(self) -> None:
        """Keeps every class that is asked for from now on.

        A class that nobody holds is made anew when it is asked for, with those of all messages in
        it: a millisecond for a listener, and garbage. One that is used once is not worth keeping.
        """
        if self._kept is None:
            self._kept = {}

    def message_class(self, full_name: str) -> type[Message]:
        """The class of a message type.

        Args:
            full_name: such as `envoy.config.cluster.v3.Cluster`.

        Raises:
            UnknownTypeError: no type has this name.
        """
        kept = self._kept
        if kept is None:
            return GetMessageClass(self.descriptor(full_name))
        found = kept.get(full_name)
        if found is None:
            found = kept[full_name] = GetMessageClass(self.descriptor(full_name))
        return found

    def descriptor(self, full_name: str) -> Descriptor:
        """The descriptor of a message type.

        Raises:
            UnknownTypeError: no type has this name.
        """
        try:
            return self.pool.FindMessageTypeByName(full_name)
        except KeyError:
            raise UnknownTypeError(full_name) from None

    def enum(self, full_name: str) -> EnumDescriptor:
        """The descriptor of an enum.

        Raises:
            UnknownTypeError: no enum has this name.
        """
        try:
            return self.pool.FindEnumTypeByName(full_name)
        except KeyError:
            raise UnknownTypeError(full_name) from None

    def class_of_url(self, type_url: str) -> type[Message]:
        """The class that a type URL names: what follows its last slash.

        Raises:
            UnknownTypeError: the URL has no slash, or no type has this name.
        """
        prefix, slash, name = type_url.rpartition("/")
        if not slash or not prefix:
            raise UnknownTypeError(type_url)
        return self.message_class(name)

    def unpack(self, packed: PackedMessage) -> Message:
        """The message in an Any.

        Raises:
            UnknownTypeError: its type is unknown.
            google.protobuf.message.DecodeError: its bytes are not a message of that type.
        """
        message = self.class_of_url(packed.type_url)()
        if message.MergeFromString(packed.value) != len(packed.value):
            raise DecodeError(f"{packed.type_url}: bytes left over")
        return message

    def file_names(self) -> list[str]:
        """The names of all files of the API."""
        return self._files.file_names()

    def symbols(self) -> list[str]:
        """The full names of all top-level messages, enums, services and extensions."""
        return self._files.symbols()


@functools.cache
def envoy_types() -> TypeRegistry:
    """Envoy's v3 API; made at the first call.

    Raises:
        FileNotFoundError: the descriptor set was not generated (see build_backend/).
    """
    path = os.path.join(os.path.dirname(__file__), "envoy.binpb")
    with open(path, "rb") as file:
        return TypeRegistry(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
