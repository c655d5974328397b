"""Reads what is to be analyzed or validated: files, directories, standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lateen.config.diagnostics import Diagnostic
from lateen.config.syntax import ConfigSyntaxError
from lateen.control.documents import Document, read_documents
from lateen.control.registry.files import manifest_files, read_text

_STANDARD_INPUT = "-"


@dataclass
class Loaded:
    """What was read.

    Attributes:
        files: that were read.
        documents: of the files.
        problems: files that are no YAML or cannot be read.
    """

    files: list[str] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)


def load(paths: Iterable[str]) -> Loaded:
    """Read files, the manifests below directories, and standard input (`-`).

    Raises:
        FileNotFoundError: there is no such file or directory.
    """
    loaded = Loaded()
    for path in paths:
        for file in _files(path):
            loaded.files.append(file)
            try:
                text = sys.stdin.read() if file == _STANDARD_INPUT else read_text(file)
                loaded.documents += read_documents(file, text)
            except ConfigSyntaxError as error:
                problem = Diagnostic("error", "", error.message, "", file, error.line, error.column)
                loaded.problems.append(problem)
            except (OSError, ValueError) as error:
                loaded.problems.append(Diagnostic("error", "", str(error), "", file))
    return loaded


def _files(path: str) -> Iterator[str]:
    if path != _STANDARD_INPUT and not Path(path).exists():
        raise FileNotFoundError(f"there is no {path}")
    if Path(path).is_dir():
        yield from (str(file) for file in manifest_files(Path(path)))
    else:
        yield path
