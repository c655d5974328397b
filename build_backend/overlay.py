"""Adds to the API what the pinned xds-protos is too old for.

Each proto/overlay/*.textproto is a google.protobuf.FileDescriptorSet in text form that holds only
additions: a file, message or enum that exists is added to, one that does not is created.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

_Messages: TypeAlias = "RepeatedCompositeFieldContainer[DescriptorProto]"
_Enums: TypeAlias = "RepeatedCompositeFieldContainer[EnumDescriptorProto]"


class OverlayError(Exception):
    """An overlay adds what is already there; the message names it."""


def apply(directory: Path, available: dict[str, FileDescriptorProto]) -> None:
    """Merge every overlay of `directory` into `available`, a map from file name to file.

    Raises:
        OverlayError: an overlay repeats a field or enum value.
    """
    for path in sorted(directory.glob("*.textproto")):
        for added in text_format.Parse(path.read_text(), FileDescriptorSet()).file:
            known = available.get(added.name)
            if known is None:
                available[added.name] = added
            else:
                _merge_file(known, added, path.name)


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
    _refuse_repeats({f.name for f in known.field}, {f.name for f in added.field}, where)
    oneofs = {oneof.name: index for index, oneof in enumerate(known.oneof_decl)}
    for oneof in added.oneof_decl:
        if oneof.name not in oneofs:
            oneofs[oneof.name] = len(known.oneof_decl)
            known.oneof_decl.add().CopyFrom(oneof)
    for field in added.field:
        new = known.field.add()
        new.CopyFrom(field)
        if field.HasField("oneof_index"):
            new.oneof_index = oneofs[added.oneof_decl[field.oneof_index].name]
    _merge_messages(known.nested_type, added.nested_type, where)
    _merge_enums(known.enum_type, added.enum_type, where)


def _merge_enums(known: _Enums, added: _Enums, where: str) -> None:
    by_name = {enum.name: enum for enum in known}
    for enum in added:
        present = by_name.get(enum.name)
        if present is None:
            known.add().CopyFrom(enum)
            continue
        names = {value.name for value in present.value}
        _refuse_repeats(names, {v.name for v in enum.value}, f"{where}.{enum.name}")
        present.value.extend(enum.value)


def _refuse_repeats(known: set[str], added: set[str], where: str) -> None:
    if repeated := sorted(known & added):
        raise OverlayError(f"{where} has {', '.join(repeated)} already: remove it from the overlay")
