"""Loads a bootstrap: read, parse, convert, merge, validate, check; all problems in one pass."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from google.protobuf.message import DecodeError, Message

from lateen.config import sources
from lateen.config.check import CHECKS, CheckContext, MessageCheck
from lateen.config.convert import Converter, Problem
from lateen.config.diagnostics import Diagnostic, Severity
from lateen.config.locate import Steps
from lateen.config.paths import Place, parse, render, steps_of
from lateen.config.plan import MessageWalk
from lateen.config.sources import Source, format_of
from lateen.config.syntax import ConfigSyntaxError, Tree
from lateen.config.validate import Validator
from lateen.protos import TypeRegistry, envoy_types

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap

BOOTSTRAP = "envoy.config.bootstrap.v3.Bootstrap"
INLINE_NAME = "--config-yaml"


@dataclass(frozen=True)
class LoadOptions:
    """How strict to be.

    Attributes:
        allow_unknown_static_fields: unknown fields and enum values of the bootstrap are warnings.
        strict: what is valid but hardly meant is an error instead of a warning.
    """

    allow_unknown_static_fields: bool = False
    strict: bool = False


@dataclass(frozen=True)
class LoadResult:
    """A loaded configuration.

    Attributes:
        bootstrap: the configuration; None when it has errors.
        diagnostics: the problems, in the order of the text.
    """

    bootstrap: Bootstrap | None
    diagnostics: tuple[Diagnostic, ...]
    sources: tuple[Source, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return self.bootstrap is not None

    def locate(self, path: str) -> tuple[str, int, int]:
        """The file, line and column, 1-based, of a field or of what it would be in.

        Args:
            path: such as `static_resources.clusters[3].lb_policy`; it goes into what an Any or a
                TypedStruct holds. An unknown place gives an empty name and zeros.
        """
        steps = tuple(parse(path))
        name, (line, column) = sources.find(list(self.sources), [steps]).get(steps, ("", (0, 0)))
        return name, line, column

    def position(self, diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
        """The diagnostics with file, line and column filled in, in the order of the text."""
        return _positioned(diagnostics, list(self.sources))


@contextlib.contextmanager
def _without_gc() -> Iterator[None]:
    """Pause the cycle collector: a large tree has no cycles, and walking it over and over to find
    none costs as much as parsing it.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def load_bootstrap(
    path: str | None, yaml_text: str | None = None, options: LoadOptions | None = None
) -> LoadResult:
    """Load a bootstrap from a file, and merge another over it.

    Args:
        path: the file of --config-path; its extension tells the format.
        yaml_text: the text of --config-yaml; its lists are appended to those of the file.
        options: how strict to be.
    """
    with _without_gc():
        return _load(path, yaml_text, options or LoadOptions())


def _load(path: str | None, yaml_text: str | None, options: LoadOptions) -> LoadResult:
    types = envoy_types()
    try:
        given = _read(path, yaml_text)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        problem = Diagnostic("error", "", f"cannot read {path}: {reason}")
        return LoadResult(None, (problem,))
    if not given:
        hint = "give --config-path or --config-yaml"
        return LoadResult(None, (Diagnostic("error", "", "there is no configuration", hint),))
    bootstrap = types.message_class(BOOTSTRAP)()
    found: list[Diagnostic] = []
    for source, data in given:
        found += _merge(bootstrap, source, data, types, options)
    texts = [source for source, _ in given]
    if not any(one.severity == "error" and not one.path for one in found):
        found += _validate(cast("Bootstrap", bootstrap), found, texts, options)
    diagnostics = tuple(_positioned(found, texts))
    usable = cast("Bootstrap", bootstrap) if not _errors(found) else None
    return LoadResult(usable, diagnostics, tuple(texts))


def _errors(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    return [one for one in found if one.severity == "error"]


def _read(path: str | None, yaml_text: str | None) -> list[tuple[Source, bytes]]:
    given: list[tuple[Source, bytes]] = []
    if path:
        with open(path, "rb") as file:
            data = file.read()
        kind = format_of(path)
        text = "" if kind == "pb" else data.decode()
        given.append((Source(path, text, kind), data))
    if yaml_text:
        given.append((Source(INLINE_NAME, yaml_text, "yaml"), b""))
    return given


def _merge(
    bootstrap: Message, source: Source, data: bytes, types: TypeRegistry, options: LoadOptions
) -> list[Diagnostic]:
    """Merge one source into the bootstrap, which tells where its lists begin."""
    source.list_lengths = _repeated_lengths(bootstrap)
    try:
        if source.format == "pb":
            bootstrap.MergeFromString(data)
        elif source.format == "pb_text":
            return _merge_text(bootstrap, source, types)
        else:
            return _merge_tree(bootstrap, source.parse(), types, options)
    except ConfigSyntaxError as error:
        text = f"not well-formed: {error.message}"
        return [Diagnostic("error", "", text, "", source.name, error.line, error.column)]
    except DecodeError as error:
        return [Diagnostic("error", "", f"not a {BOOTSTRAP}: {error}", "", source.name)]
    return []


def _merge_text(bootstrap: Message, source: Source, types: TypeRegistry) -> list[Diagnostic]:
    # Few configurations are in this format, and its reader takes a megabyte.
    from google.protobuf import text_format

    try:
        text_format.Merge(source.text, bootstrap, descriptor_pool=types.pool)
    except text_format.ParseError as error:
        line, column = error.GetLine() or 0, error.GetColumn() or 0
        text = f"not a {BOOTSTRAP}: {error}"
        return [Diagnostic("error", "", text, "", source.name, line, column)]
    return []


def _merge_tree(
    bootstrap: Message, tree: Tree, types: TypeRegistry, options: LoadOptions
) -> list[Diagnostic]:
    if not isinstance(tree, dict):
        return [Diagnostic("error", "", "a bootstrap is a mapping", "start with static_resources:")]
    converter = Converter(types)
    if bootstrap.ByteSize():
        second = types.message_class(BOOTSTRAP)()
        converter.fill(second, tree, None)
        bootstrap.MergeFrom(second)
    else:
        converter.fill(bootstrap, tree, None)
    return [_diagnostic(problem, options) for problem in converter.problems]


def _diagnostic(problem: Problem, options: LoadOptions) -> Diagnostic:
    tolerated = problem.unknown and options.allow_unknown_static_fields
    tolerated = tolerated or (problem.warning and not options.strict)
    path = render(steps_of(problem.place))
    return Diagnostic("warning" if tolerated else "error", path, problem.message, problem.hint)


def _repeated_lengths(message: Message, here: Steps = ()) -> dict[Steps, int]:
    """How many items each list has that a merge appends to."""
    lengths: dict[Steps, int] = {}
    for field, value in message.ListFields():
        steps = (*here, field.name)
        if isinstance(value, Message):
            lengths |= _repeated_lengths(value, steps)
        elif field.is_repeated:
            lengths[steps] = len(value)
    return lengths


def _validate(
    bootstrap: Bootstrap, found: list[Diagnostic], texts: list[Source], options: LoadOptions
) -> list[Diagnostic]:
    """Broken rules and failed checks, but for those that follow from what was found before."""
    types = envoy_types()
    unread = _unread(_errors(found))
    context = CheckContext(types, bootstrap, options.strict)
    checks = {name: _bound(functions, context) for name, functions in CHECKS.items()}
    broken = Validator(types, checks).check(bootstrap)
    result = []
    for one in [*broken, *context.found]:
        path = render(steps_of(one.place))
        if path not in unread:
            severity: Severity = "warning" if one.warning else "error"
            result.append(Diagnostic(severity, path, one.message, one.hint))
    return _without_consequences(result, unread, texts)


def _without_consequences(
    result: list[Diagnostic], unread: set[str], texts: list[Source]
) -> list[Diagnostic]:
    """Leave out that a field is missing where another one beside it may be meant to be it."""
    doubtful = {one.path for one in result if _around(one.path) in unread}
    if not doubtful:
        return result
    written = sources.written(texts, [tuple(parse(path)) for path in doubtful])
    return [one for one in result if one.path not in doubtful or tuple(parse(one.path)) in written]


def _bound(functions: Iterable[MessageCheck], context: CheckContext) -> MessageWalk:
    def walk(message: Message, place: Place) -> None:
        for function in functions:
            function(message, place, context)

    return walk


def _unread(found: list[Diagnostic]) -> set[str]:
    """The paths of what was not read whole."""
    unread = {path for one in found for path in (one.path, _around(one.path))}
    # Without its type a typed_config is not there at all, for what holds it.
    typed = [_around(one.path) for one in found if one.path.endswith('["@type"]')]
    return unread | {_around(path) for path in typed}


def _around(path: str) -> str:
    return render(parse(path)[:-1])


def _positioned(found: Iterable[Diagnostic], texts: list[Source]) -> list[Diagnostic]:
    found = list(found)
    wanted = {one.path: tuple(parse(one.path)) for one in found if not one.line}
    places = sources.find(texts, list(wanted.values())) if wanted else {}
    result = []
    for one in found:
        place = places.get(wanted.get(one.path, ())) if not one.line else None
        if place is not None:
            name, (line, column) = place
            one = replace(one, file=name, line=line, column=column)
        result.append(one)
    return sorted(result, key=lambda one: (one.file, one.line, one.column))
