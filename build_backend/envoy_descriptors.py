"""Collects the descriptors of Envoy's v3 API from the installed xds-protos package.

The package is read as text and never imported: importing it would register its files in
protobuf's default pool, and installing it at run time would overwrite files of other packages.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

import overlay
import slim
import wire

PACKAGE = "xds-protos"

# What the proxy uses itself; everything these import comes along.
WANTED = re.compile(
    r"(contrib/)?envoy/.*/v3(alpha)?/|contrib/lateen/|xds/(core|type)/|udpa/type/|envoy/annotations/|google/protobuf/"
)

# Number of the length-delimited field that holds the symbol index at the end of the set.
# It is outside FileDescriptorSet's fields, so other readers of the file skip it.
INDEX_FIELD = 530_000_000

WELL_KNOWN = (
    "any",
    "descriptor",
    "duration",
    "empty",
    "field_mask",
    "struct",
    "timestamp",
    "wrappers",
)


class MissingInput(Exception):
    """An input of the build is not there; the message says what to install."""


def installed_version() -> str:
    """The version of the installed xds-protos.

    Raises:
        MissingInput: it is not installed.
    """
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingInput(f"{PACKAGE} is not installed: pip install {PACKAGE}") from error


def collect(overlay_directory: Path) -> FileDescriptorSet:
    """All v3 files and what they import, each file after its imports.

    Args:
        overlay_directory: holds additions to the package's API, see overlay.py.
    """
    available = {f.name: f for f in (*_package_files(), *_well_known_files())}
    overlay.apply(overlay_directory, available)
    for descriptor in available.values():
        slim.drop_unused(descriptor)
    ordered: dict[str, FileDescriptorProto] = {}
    for name in sorted(available):
        if WANTED.match(name) and not slim.UNUSED_FILES.match(name):
            _add_with_imports(name, available, ordered)
    return FileDescriptorSet(file=ordered.values())


def with_index(files: FileDescriptorSet) -> bytes:
    """The set's bytes followed by its symbol index.

    The index is text: one `\\nSYMBOL\\tNUMBER` an item, where NUMBER is the position of the file in
    the set and SYMBOL a top-level message, enum, service or extension.
    """
    lines = []
    for number, file in enumerate(files.file):
        prefix = f"{file.package}." if file.package else ""
        kinds = (file.message_type, file.enum_type, file.service, file.extension)
        lines += [f"\n{prefix}{item.name}\t{number}" for kind in kinds for item in kind]
    index = ("".join(sorted(lines)) + "\n").encode()
    tag = wire.varint(INDEX_FIELD << 3 | wire.LENGTH_DELIMITED)
    return files.SerializeToString() + tag + wire.varint(len(index)) + index


def _package_files() -> Iterator[FileDescriptorProto]:
    installed_version()
    for path in importlib.metadata.files(PACKAGE) or []:
        if path.name.endswith("_pb2.py"):
            yield FileDescriptorProto.FromString(
                _serialized_literal(Path(path.locate()).read_text())
            )


def _serialized_literal(source: str) -> bytes:
    """The argument of AddSerializedFile in a generated module."""
    start = source.index("AddSerializedFile(") + len("AddSerializedFile(")
    literal = ast.literal_eval(source[start : source.index("\n", start)].rstrip().removesuffix(")"))
    if not isinstance(literal, bytes):
        raise MissingInput(f"{PACKAGE} {installed_version()} is laid out in an unknown way")
    return literal


def _well_known_files() -> Iterator[FileDescriptorProto]:
    for name in WELL_KNOWN:
        module = importlib.import_module(f"google.protobuf.{name}_pb2")
        yield FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)


def _add_with_imports(
    name: str, available: dict[str, FileDescriptorProto], ordered: dict[str, FileDescriptorProto]
) -> None:
    if name in ordered:
        return
    if name not in available:
        raise MissingInput(f"{PACKAGE} {installed_version()} lacks {name}")
    for dependency in available[name].dependency:
        _add_with_imports(dependency, available, ordered)
    ordered[name] = available[name]
