"""Removes from descriptors what nothing reads at run time, so that it costs no memory there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import Message

import wire

# Files that define only dropped options.
UNUSED_FILES = re.compile(
    r"udpa/annotations/(migrate|security|status|versioning)\.proto"
    r"|xds/annotations/v3/(migrate|security|status|versioning)\.proto"
    r"|envoy/annotations/resource\.proto|google/api/(annotations|http|client)\.proto"
)

_FIRST_CUSTOM_OPTION = 1000
# Custom options that are kept: validate.* (1071, 1072), envoy.annotations.* (whether a field or
# value is deprecated or refused by default) and udpa.annotations.sensitive (redacted in dumps).
_KEPT_OPTIONS = {1071, 1072, 189503207, 157299826, 70100853, 181198657, 76569463, 61008053}


def drop_unused(file: FileDescriptorProto) -> None:
    """Drop unread options, comments and imports of `file` in place."""
    kept = [name for name in file.dependency if not UNUSED_FILES.match(name)]
    public = {file.dependency[i] for i in file.public_dependency}
    del file.dependency[:], file.public_dependency[:], file.weak_dependency[:]
    file.dependency.extend(kept)
    file.public_dependency.extend(i for i, name in enumerate(kept) if name in public)
    file.ClearField("source_code_info")
    file.ClearField("options")
    for service in file.service:
        service.ClearField("options")
        for method in service.method:
            method.ClearField("options")
    _drop_from_messages(file.message_type)
    _drop_from_enums(file.enum_type)


def _drop_from_messages(messages: Iterable[descriptor_pb2.DescriptorProto]) -> None:
    for message in messages:
        _filter_options(message)
        for field in message.field:
            _filter_options(field)
            field.ClearField("json_name")
        for oneof in message.oneof_decl:
            _filter_options(oneof)
        _drop_from_enums(message.enum_type)
        _drop_from_messages(message.nested_type)


def _drop_from_enums(enums: Iterable[descriptor_pb2.EnumDescriptorProto]) -> None:
    for enum in enums:
        _filter_options(enum)
        for value in enum.value:
            _filter_options(value)


def _filter_options(owner: Message) -> None:
    if not owner.HasField("options"):
        return
    options = getattr(owner, "options")  # noqa: B009 - each kind of owner has its own options type
    kept = b"".join(
        data
        for number, data in wire.fields(options.SerializeToString())
        if number < _FIRST_CUSTOM_OPTION or number in _KEPT_OPTIONS
    )
    owner.ClearField("options")
    if kept:
        options = getattr(owner, "options")  # noqa: B009
        options.ParseFromString(kept)
        options.SetInParent()
