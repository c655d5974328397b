"""What a typed_config holds, be it packed as a message or carried in a TypedStruct."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from lateen.config.convert import Converter
from lateen.config.paths import Step, steps_of
from lateen.config.syntax import Tree
from lateen.protos import PackedMessage, TypeRegistry, envoy_types

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import ListValue, Struct, Value
    from xds.type.v3.typed_struct_pb2 import TypedStruct

TYPED_STRUCTS = frozenset(("udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct"))


@dataclass(frozen=True)
class StructProblem:
    """A field of a TypedStruct that does not fit its type."""

    steps: tuple[Step, ...]
    message: str
    hint: str


class TypedConfigError(Exception):
    """A TypedStruct does not fit the type that it names."""

    def __init__(self, problems: list[StructProblem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


def unpack_typed(packed: PackedMessage, types: TypeRegistry | None = None) -> Message:
    """The configuration in an Any; a TypedStruct is turned into the message it stands for.

    Raises:
        lateen.protos.UnknownTypeError: the type is unknown.
        google.protobuf.message.DecodeError: the bytes are not a message of the type.
        TypedConfigError: a TypedStruct has fields that its type does not have or that do not fit.
    """
    types = types or envoy_types()
    message = types.unpack(packed)
    if message.DESCRIPTOR.full_name not in TYPED_STRUCTS:
        return message
    typed: TypedStruct = message  # type: ignore[assignment]
    # Unlike an Any's, this URL may be the bare name.
    target = types.message_class(typed.type_url.rpartition("/")[2])()
    if target.DESCRIPTOR.full_name == "google.protobuf.Struct":
        return typed.value
    converter = Converter(types)
    converter.fill(target, _struct_tree(typed.value), None)
    problems = [problem for problem in converter.problems if not problem.warning]
    if problems:
        raise TypedConfigError(
            [StructProblem(tuple(steps_of(p.place)), p.message, p.hint) for p in problems]
        )
    return target


def _struct_tree(struct: Struct) -> dict[str, Tree]:
    return {key: _value_tree(value) for key, value in struct.fields.items()}


def _value_tree(value: Value) -> Tree:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _struct_tree(value.struct_value)
    if kind == "list_value":
        return _list_tree(value.list_value)
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    return value.string_value if kind == "string_value" else None


def _list_tree(items: ListValue) -> list[Tree]:
    return [_value_tree(item) for item in items.values]
