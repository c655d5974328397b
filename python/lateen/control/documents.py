"""Manifests: the YAML or JSON documents of a file, as plain values with their positions.

YAML is read as Kubernetes' tools read it (sigs.k8s.io/yaml): YAML 1.1, in which `yes`, `on` and
`010` are no strings, without sexagesimal numbers and dates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from yaml import MarkedYAMLError, YAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lateen.config.syntax import MAX_DEPTH, ConfigSyntaxError, Mark, Tree

Path = tuple[str | int, ...]
"""Keys and indexes from the root of a document to a field."""

Position = tuple[int, int]
"""Line and column, 1-based."""

_TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"])
_FALSE = frozenset(["n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"])
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_INTEGER = re.compile(r"[-+]?(0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")
# Python refuses to read more, and no field takes such a number.
_MOST_DIGITS = 4000
_WORD_IN_BRACKETS = re.compile(r"[0-9A-Za-z.:]*:")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Document:
    """One manifest.

    Attributes:
        file: the name that diagnostics show.
        index: which document of the file it is.
        tree: what it says.
        text: the whole file, which positions are looked up in.
        base: where in the document this is, when it is an item of a list of manifests.
    """

    file: str
    index: int
    tree: Tree
    text: str = field(repr=False)
    base: Path = ()

    def part(self, path: Path, tree: Tree) -> Document:
        """A manifest within this one."""
        return replace(self, tree=tree, base=(*self.base, *path))

    @cached_property
    def _root(self) -> Node | None:
        roots = _roots(self.text)
        return roots[self.index] if self.index < len(roots) else None

    def position(self, path: Path = ()) -> Position:
        """Where the field at `path` is written, or what is around it when it is not."""
        node = self._root
        if node is None:
            return 1, 1
        mark: Mark = node.start_mark
        for step in (*self.base, *path):
            found = _child(node, step)
            if found is None:
                break
            mark, node = found
        return mark.line + 1, mark.column + 1


def read_documents(file: str, text: str) -> list[Document]:
    """The documents of a file that are not empty.

    Raises:
        ConfigSyntaxError: it is no YAML (JSON is YAML, too), or nested too deeply.
    """
    try:
        trees = [_value(node, 0) for node in _nodes(text)]
    except YAMLError as error:
        quoted = _quoted(text, error)
        if quoted is None:
            raise ConfigSyntaxError.from_yaml(error) from None
        return read_documents(file, quoted)
    made = (Document(file, index, tree, text) for index, tree in enumerate(trees))
    return [document for document in made if document.tree is not None]


def _quoted(text: str, error: YAMLError) -> str | None:
    """The text with quotes around what libyaml refuses and Go's reader takes.

    This is an unquoted text within brackets that ends with a colon: `[10.0.0.1, 2001:db8::]`.
    """
    if not isinstance(error, MarkedYAMLError) or error.problem != "found unexpected ':'":
        return None
    mark = error.context_mark
    if mark is None:
        return None
    lines = text.split("\n")
    before, rest = lines[mark.line][: mark.column], lines[mark.line][mark.column :]
    word = _WORD_IN_BRACKETS.match(rest)
    if word is None:
        return None
    lines[mark.line] = f'{before}"{word[0]}"{rest[word.end() :]}'
    return "\n".join(lines)


@lru_cache(maxsize=8)
def _roots(text: str) -> tuple[Node, ...]:
    """The documents of a file with their positions; kept, as one mistake seldom comes alone."""
    return tuple(_nodes(text))


def _nodes(text: str) -> Iterator[Node]:
    from yaml import CSafeLoader

    loader = CSafeLoader(text)
    try:
        while loader.check_node():
            if (node := loader.get_node()) is not None:
                yield node
    finally:
        loader.dispose()


def _child(node: Node, step: str | int) -> tuple[Mark, Node] | None:
    """The key's mark (an item's own) and the value, one step down."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.value == str(step):
                return key.start_mark, value
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        item: Node = node.value[step]
        return item.start_mark, item
    return None


def _value(node: Node, depth: int) -> Tree:
    if depth > MAX_DEPTH:
        raise ConfigSyntaxError.at(node.start_mark, f"nested more than {MAX_DEPTH} deep")
    if isinstance(node, SequenceNode):
        return [_value(item, depth + 1) for item in node.value]
    if isinstance(node, MappingNode):
        return _mapping(node, depth)
    if isinstance(node, ScalarNode) and not node.style:
        return plain_scalar(node.value)
    return str(node.value)


def _mapping(node: MappingNode, depth: int) -> dict[str, Tree]:
    items: dict[str, Tree] = {}
    merged: dict[str, Tree] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise ConfigSyntaxError.at(key.start_mark, "a key must be a scalar")
        if key.value == "<<" and not key.style:
            for one in value.value if isinstance(value, SequenceNode) else [value]:
                merged = _value_of_merge(one, depth) | merged
        elif key.value in items:
            raise ConfigSyntaxError.at(key.start_mark, f"key {key.value!r} is set twice")
        else:
            items[key.value] = _value(value, depth + 1)
    return merged | items


def _value_of_merge(node: Node, depth: int) -> dict[str, Tree]:
    if not isinstance(node, MappingNode):
        raise ConfigSyntaxError.at(node.start_mark, "`<<` takes a mapping or a list of mappings")
    return _mapping(node, depth + 1)


def plain_scalar(text: str) -> Tree:
    """The value of an unquoted scalar."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text) and len(text) <= _MOST_DIGITS:
        return _integer(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _integer(text: str) -> int | str:
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-").replace("_", "").lower()
    for prefix, base in (("0b", 2), ("0o", 8), ("0x", 16), ("0", 8)):
        if digits.startswith(prefix) and len(digits) > len(prefix):
            try:
                return sign * int(digits[len(prefix) :], base)
            except ValueError:
                return sign * int(digits) if digits.isdigit() else text
    return sign * int(digits) if digits.isdigit() else text
