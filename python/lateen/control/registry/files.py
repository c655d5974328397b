"""Directories of manifests as a mesh's resources.

Every `.yaml`, `.yml` and `.json` file below a directory is read. An invalid manifest is refused
alone; the last version of it that was valid stays in force, as do all manifests of a file that is
no YAML. Of two manifests with one name the one in the first file counts.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from lateen.config.diagnostics import Diagnostic
from lateen.config.syntax import ConfigSyntaxError
from lateen.control.documents import Document, read_documents
from lateen.control.resources.meta import Key, Resource
from lateen.control.resources.reading import key_of, manifests, read_resource

_ENDS = (".yaml", ".yml", ".json")
_LARGEST = 64 << 20

#: What tells that files changed: time and size by name, in the order in which files count.
Stamps = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Reading:
    """What directories say at one moment.

    Attributes:
        resources: by key.
        problems: what is wrong, by file and line.
        files: the keys that each file defines.
        stamps: of the files that were read.
        shadowed: files that define a resource which another file defines.
    """

    resources: Mapping[Key, Resource[object]] = field(default_factory=dict)
    problems: tuple[Diagnostic, ...] = ()
    files: Mapping[str, tuple[Key, ...]] = field(default_factory=dict)
    stamps: Stamps = field(default_factory=dict)
    shadowed: frozenset[str] = frozenset()


def stamps_of(*directories: Path) -> Stamps:
    """The files of directories, in order, with what tells that one changed.

    Raises:
        FileNotFoundError: there is no such directory.
    """
    found: dict[str, tuple[int, int]] = {}
    for path in (path for directory in directories for path in manifest_files(directory)):
        _stamp(str(path), found)
    return found


def manifest_files(directory: Path) -> Iterator[Path]:
    """The files below a directory that may hold manifests, in order.

    Raises:
        FileNotFoundError: there is no such directory.
    """
    # Path.is_dir raises where a folder above may not be searched.
    if not os.path.isdir(directory):
        raise FileNotFoundError(f"{directory} is no directory")
    for parent, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(filter(is_manifest, names)):
            yield Path(parent) / name


def _stamp(file: str, stamps: dict[str, tuple[int, int]]) -> None:
    try:
        status = os.stat(file)
    except OSError:
        stamps.pop(file, None)
    else:
        stamps[file] = (status.st_mtime_ns, status.st_size)


def is_manifest(name: str) -> bool:
    """Whether a file of this name is read."""
    return name.endswith(_ENDS) and not name.startswith(".")


def read_directories(directories: Sequence[Path], before: Reading | None = None) -> Reading:
    """Read directories, whose resources are one mesh.

    Args:
        before: what they said before; of a file that did not change, this is taken over.

    Raises:
        FileNotFoundError: there is no such directory.
    """
    before = before or Reading()
    stamps = stamps_of(*directories)
    reader = _Reader(before)
    for file, stamp in stamps.items():
        reader.read(file, unchanged=before.stamps.get(file) == stamp)
    return reader.reading(stamps)


def read_files(directories: Sequence[Path], before: Reading, files: Iterable[str]) -> Reading:
    """Read directories in which no other files changed; only these are looked at.

    Raises:
        FileNotFoundError: there is no such directory.
    """
    stamps = dict(before.stamps)
    changed = sorted(files)
    for file in changed:
        _stamp(file, stamps)
    reader = _Reader(before)
    reader.take_over(changed)
    for file in changed:
        if file in stamps:
            reader.read(file, unchanged=False)
    # Which of several manifests of one name counts is decided by the order of all files.
    if before.shadowed or reader.shadowed:
        return read_directories(directories, before)
    return reader.reading(stamps)


class _Reader:
    """Puts the files of one reading together."""

    def __init__(self, before: Reading) -> None:
        self._before = before
        self.resources: dict[Key, Resource[object]] = {}
        self.problems: list[Diagnostic] = []
        self.files: dict[str, tuple[Key, ...]] = {}
        self.shadowed: set[str] = set()

    def reading(self, stamps: Stamps) -> Reading:
        """What was read of these files."""
        return Reading(
            self.resources, tuple(self.problems), self.files, stamps, frozenset(self.shadowed)
        )

    def take_over(self, changed: Collection[str]) -> None:
        """Begin with what was said before, but for what these files said."""
        before = self._before
        self.resources = dict(before.resources)
        self.files = dict(before.files)
        gone = set(changed)
        self.problems = [one for one in before.problems if one.file not in gone]
        for file in changed:
            for key in self.files.pop(file, ()):
                self.resources.pop(key, None)

    @cached_property
    def _known_problems(self) -> Mapping[str, Sequence[Diagnostic]]:
        """What was wrong before, by file."""
        found: defaultdict[str, list[Diagnostic]] = defaultdict(list)
        for one in self._before.problems:
            found[one.file].append(one)
        return found

    def read(self, file: str, *, unchanged: bool) -> None:
        known = self._before.files.get(file, ())
        alone = file not in self._before.shadowed and not any(k in self.resources for k in known)
        if unchanged and alone:
            self.problems += self._known_problems.get(file, ())
            self._keep(file, known)
            return
        try:
            documents = read_documents(file, read_text(file))
        except (OSError, UnicodeDecodeError, ValueError) as error:
            self._fail(file, str(error))
        except ConfigSyntaxError as error:
            self._fail(file, error.message, error.line, error.column)
        else:
            self._take(file, documents)

    def _fail(self, file: str, message: str, line: int = 0, column: int = 0) -> None:
        self.problems.append(Diagnostic("error", "", message, "", file, line, column))
        self._keep(file, self._before.files.get(file, ()))

    def _take(self, file: str, documents: list[Document]) -> None:
        keys = []
        for document in documents:
            for manifest in manifests(document):
                resource, report = read_resource(manifest)
                self.problems += report.found
                if resource is None:
                    key = key_of(manifest)
                    keys += [key] if key is not None and self._keep(file, (key,)) else []
                elif self._add(resource):
                    keys.append(resource.key)
        self.files[file] = tuple(keys)

    def _add(self, resource: Resource[object]) -> bool:
        taken = self.resources.get(resource.key)
        if taken is None:
            self.resources[resource.key] = resource
            return True
        line, column = resource.position(("metadata", "name"))
        where = f"{taken.source.file}:{taken.position(('metadata', 'name'))[0]}"
        message = f"{resource.key} is already defined in {where}"
        file = resource.source.file
        found = Diagnostic("error", "metadata.name", message, "rename one", file, line, column)
        self.problems.append(found)
        self.shadowed.add(file)
        return False

    def _keep(self, file: str, keys: tuple[Key, ...]) -> bool:
        """Let what was valid stay; False: nothing was."""
        kept = [key for key in keys if key in self._before.resources and key not in self.resources]
        for key in kept:
            self.resources[key] = self._before.resources[key]
        self.files[file] = (*self.files.get(file, ()), *kept)
        return bool(kept)


def read_text(file: str) -> str:
    """The text of a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too large, or no UTF-8.
    """
    with open(file, "rb") as opened:
        content = opened.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"the file is larger than {_LARGEST >> 20} MB")
    return content.decode()
