"""Adds to the API what the pinned xds-protos is too old for.

Each proto/overlay/*.textproto is a google.protobuf.FileDescriptorSet in text form that holds only
what is new: a file, message or enum that exists is added to, one that does not is created, and a
field that exists gets the overlay's options.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

_Messages: TypeAlias = "RepeatedCompositeFieldContainer[DescriptorProto]"
_Enums: TypeAlias = "RepeatedCompositeFieldContainer[EnumDescriptorProto]"


_OPTION_FILES = (
    "google/protobuf/descriptor.proto",
    "google/protobuf/duration.proto",
    "google/protobuf/timestamp.proto",
    "validate/validate.proto",
    "envoy/annotations/deprecation.proto",
    "udpa/annotations/sensitive.proto",
    "xds/annotations/v3/sensitive.proto",
)


class OverlayError(Exception):
    """An overlay contradicts the API; the message says where."""


def apply(directory: Path, available: dict[str, FileDescriptorProto]) -> None:
    """Merge every overlay of `directory` into `available`, a map from file name to file.

    Raises:
        OverlayError: an overlay gives a field another number, or repeats an enum's value.
    """
    pool = _pool_with_options(available)
    readable = GetMessageClass(pool.FindMessageTypeByName("google.protobuf.FileDescriptorSet"))
    for path in sorted(directory.glob("*.textproto")):
        parsed = text_format.Parse(path.read_text(), readable(), descriptor_pool=pool)
        for added in FileDescriptorSet.FromString(parsed.SerializeToString()).file:
            known = available.get(added.name)
            if known is None:
                available[added.name] = added
            else:
                _merge_file(known, added, path.name)


def _pool_with_options(available: dict[str, FileDescriptorProto]) -> DescriptorPool:
    """A pool that knows the custom options by name, so that an overlay can use them."""
    pool = DescriptorPool()
    for name in _OPTION_FILES:
        pool.Add(available[name])
    for name in _OPTION_FILES:
        for extension in available[name].extension:
            pool.FindExtensionByName(f"{available[name].package}.{extension.name}")
    return pool


def _merge_file(known: FileDescriptorProto, added: FileDescriptorProto, origin: str) -> None:
    known.dependency.extend(d for d in added.dependency if d not in known.dependency)
    where = f"{origin}: {known.package}"
    _merge_messages(known.message_type, added.message_type, where)
    _merge_enums(known.enum_type, added.enum_type, where)


def _merge_messages(known: _Messages, added: _Messages, where: str) -> None:
    by_name = {message.name: message for message in known}
    for message in added:
        present = by_name.get(message.name)
        if present is None:
            known.add().CopyFrom(message)
        else:
            _merge_message(present, message, f"{where}.{message.name}")


def _merge_message(known: DescriptorProto, added: DescriptorProto, where: str) -> None:
    fields = {field.name: field for field in known.field}
    oneofs = {oneof.name: index for index, oneof in enumerate(known.oneof_decl)}
    for oneof in added.oneof_decl:
        if oneof.name not in oneofs:
            oneofs[oneof.name] = len(known.oneof_decl)
            known.oneof_decl.add().CopyFrom(oneof)
    for field in added.field:
        if present := fields.get(field.name):
            if present.number != field.number:
                raise OverlayError(f"{where}.{field.name} has the number {present.number}")
            present.options.CopyFrom(field.options)
            continue
        new = FieldDescriptorProto()
        new.CopyFrom(field)
        if field.HasField("oneof_index"):
            new.oneof_index = oneofs[added.oneof_decl[field.oneof_index].name]
        _insert(known, new)
    _merge_messages(known.nested_type, added.nested_type, where)
    _merge_enums(known.enum_type, added.enum_type, where)


def _insert(message: DescriptorProto, new: FieldDescriptorProto) -> None:
    """Add a field; the members of a oneof must stand together."""
    fields = list(message.field)
    end = len(fields)
    if new.HasField("oneof_index"):
        members = [f.HasField("oneof_index") and f.oneof_index == new.oneof_index for f in fields]
        end = max((i + 1 for i, member in enumerate(members) if member), default=end)
    fields.insert(end, new)
    del message.field[:]
    message.field.extend(fields)


def _merge_enums(known: _Enums, added: _Enums, where: str) -> None:
    by_name = {enum.name: enum for enum in known}
    for enum in added:
        present = by_name.get(enum.name)
        if present is None:
            known.add().CopyFrom(enum)
            continue
        repeated = {value.name for value in present.value} & {v.name for v in enum.value}
        if repeated:
            raise OverlayError(f"{where}.{enum.name} has {', '.join(sorted(repeated))} already")
        present.value.extend(enum.value)
