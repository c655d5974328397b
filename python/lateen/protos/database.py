"""Finds a file's descriptor in the generated set by the file's name or by a symbol in it."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import FileDescriptorProto

# As build_backend/envoy_descriptors.py writes it: the field that holds the symbol index.
INDEX_FIELD = 530_000_000


@dataclass(frozen=True)
class _Span:
    start: int
    end: int


class DescriptorFiles:
    """The files of a serialized FileDescriptorSet, as protobuf's DescriptorDatabase wants them.

    Nothing is parsed until it is asked for. The symbol index stays text and is searched as it is:
    a dictionary of it would cost more memory than the descriptors that are used.
    """

    def __init__(self, serialized_set: bytes | mmap.mmap) -> None:
        self._data = serialized_set
        self._files: list[_Span] = []
        self._numbers: dict[str, int] = {}
        self._index = b"\n"
        for number, span in _fields(serialized_set):
            if number == 1:
                self._numbers[_file_name(serialized_set, span)] = len(self._files)
                self._files.append(span)
            elif number == INDEX_FIELD:
                self._index = serialized_set[span.start : span.end]

    def FindFileByName(self, name: str) -> FileDescriptorProto:
        """The file called `name`.

        Raises:
            KeyError: there is none.
        """
        return self._parse(self._numbers[name])

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptorProto:
        """The file that defines `symbol` or one of the messages around it.

        Raises:
            KeyError: there is none.
        """
        name = symbol
        while name:
            key = f"\n{name}\t".encode()
            start = self._index.find(key)
            if start >= 0:
                start += len(key)
                return self._parse(int(self._index[start : self._index.index(b"\n", start)]))
            name = name.rpartition(".")[0]
        raise KeyError(symbol)

    def file_names(self) -> list[str]:
        """The names of all files."""
        return list(self._numbers)

    def symbols(self) -> list[str]:
        """The full names of all top-level messages, enums, services and extensions, sorted."""
        return [line.partition("\t")[0] for line in self._index.decode().split()[::2]]

    def _parse(self, number: int) -> FileDescriptorProto:
        span = self._files[number]
        return FileDescriptorProto.FromString(self._data[span.start : span.end])


def _fields(data: bytes | mmap.mmap, position: int = 0) -> Iterator[tuple[int, _Span]]:
    """The length-delimited fields of a message: all fields of this file are such."""
    while position < len(data):
        tag, position = _varint(data, position)
        length, position = _varint(data, position)
        yield tag >> 3, _Span(position, position + length)
        position += length


def _file_name(data: bytes | mmap.mmap, file: _Span) -> str:
    """FileDescriptorProto.name, which serializers write first."""
    _, name = next(_fields(data, file.start))
    return data[name.start : name.end].decode()


def _varint(data: bytes | mmap.mmap, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
