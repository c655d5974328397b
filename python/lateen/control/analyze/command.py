"""What `lateen analyze` does: reads, analyzes, prints, and tells the exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import msgspec

from lateen.control.analyze.analyzer import Analyzer
from lateen.control.analyze.analyzers import ANALYZERS, analyzers_called
from lateen.control.analyze.load import load
from lateen.control.analyze.mesh_files import MeshNetworks, read_mesh_file
from lateen.control.analyze.message import Level, Message
from lateen.control.analyze.run import Suppression, analyze
from lateen.control.analyze.snapshot import snapshot
from lateen.control.documents import Document
from lateen.control.mesh_config import MeshConfig
from lateen.control.registry.files import read_text

Settings = TypeVar("Settings")

FOUND_ISSUES = 79
"""The exit code when something is wrong, as istioctl's."""

NOT_PARSED = 65
"""The exit code when a file is no YAML, as istioctl's."""


class Format(Enum):
    """How messages are printed."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


@dataclass(frozen=True)
class Options:
    """What the command was asked.

    Attributes:
        paths: files, directories and `-`.
        namespace: of manifests that say none, and whose messages are told; empty: `default`,
            and all.
        output: how messages are printed.
        suppressions: what is not told.
        failure: from which level on the exit code says so.
        printed: from which level on messages are printed.
        analyzers: who analyze.
        settings_file: of the mesh; empty: the ConfigMap `istio` has them.
        networks_file: of the mesh, likewise.
    """

    paths: Sequence[str]
    namespace: str
    output: Format
    suppressions: Sequence[Suppression]
    failure: Level
    printed: Level
    analyzers: Sequence[Analyzer]
    settings_file: str
    networks_file: str

    @classmethod
    def parse(
        cls,
        paths: Sequence[str],
        *,
        namespace: str,
        output: Format,
        suppress: Sequence[str],
        thresholds: tuple[str, str],
        analyzers: list[str],
        settings_files: tuple[str, str],
    ) -> Options:
        """Read options as they are written.

        Raises:
            ValueError: one is none.
        """
        return cls(
            paths,
            namespace,
            output,
            [Suppression.parse(one) for one in suppress],
            _level(thresholds[0]),
            _level(thresholds[1]),
            analyzers_called(analyzers),
            *settings_files,
        )


def _level(text: str) -> Level:
    levels = {str(level).lower(): level for level in Level}
    if text.lower() not in levels:
        raise ValueError(f"{text!r} is no level: {', '.join(str(level) for level in Level)}")
    return levels[text.lower()]


def run_analysis(options: Options, *, list_analyzers: bool = False) -> int:
    """Analyze, print, and return the exit code.

    Raises:
        OSError: a file cannot be read.
        ValueError: there is nothing to analyze, or the mesh's settings are wrong.
    """
    if list_analyzers:
        for analyzer in ANALYZERS:
            print(f"* {analyzer.name}:\n    {analyzer.description}")
        return 0
    if not options.paths:
        raise ValueError("name a directory or files with manifests")
    loaded = load(options.paths)
    settings = _read(options.settings_file, MeshConfig)
    resources = snapshot(
        loaded.documents,
        options.namespace or "default",
        settings[0] if settings is not None else None,
        _read(options.networks_file, MeshNetworks),
    )
    unread = (*loaded.problems, *resources.unnamed)
    for problem in unread:
        print(problem, file=sys.stderr)
    messages = analyze(resources, options.analyzers, options.suppressions, options.namespace)
    printed = [one for one in messages if one.type.level <= options.printed]
    _print(printed, options.output)
    if not messages and not unread:
        where = ", ".join(options.paths)
        print(f"\N{HEAVY CHECK MARK} No validation issues found in {where}.", file=sys.stderr)
    if options.output is not Format.TEXT:
        return 0
    if any(one.type.level <= options.failure for one in messages):
        return FOUND_ISSUES
    return NOT_PARSED if unread else 0


def _read(file: str, wanted: type[Settings]) -> tuple[Settings, Document] | None:
    if not file:
        return None
    try:
        text = read_text(file)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    return read_mesh_file(file, text, wanted)


def _print(messages: Sequence[Message], output: Format) -> None:
    if output is Format.TEXT:
        for message in messages:
            print(message)
        return
    fields = [dict(message.as_json()) for message in messages]
    if output is Format.JSON:
        print(msgspec.json.format(msgspec.json.encode(fields)).decode())
    else:
        print(msgspec.yaml.encode(fields).decode(), end="")
