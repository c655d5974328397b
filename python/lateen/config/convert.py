"""Plain values into protobuf messages by the proto3 JSON mapping, every problem in one pass.

The mapping is protobuf's (https://protobuf.dev/programming-guides/json) in the legacy mode of its
C++ reader, which Envoy uses: a single value for a list, enum names in any case, `{seconds: 1}` for
a duration. A function is made for each field once; converting is then a walk of dictionary lookups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from lateen.config import scalars, well_known
from lateen.config.diagnostics import nearest
from lateen.config.paths import Place
from lateen.config.scalars import BadValue, Scalar, describe
from lateen.config.syntax import Tree
from lateen.protos import TypeRegistry

if TYPE_CHECKING:
    from google._upb import _message

# The stubs give a message's DESCRIPTOR either type.
AnyDescriptor: TypeAlias = "Descriptor | _message.Descriptor"

AnyField: TypeAlias = "FieldDescriptor | _message.FieldDescriptor"

# Sets one field of a message from a value; the place is that of the message.
Put = Callable[["Converter", Message, Tree, Place], None]


@dataclass(frozen=True)
class Problem:
    """Something that does not fit, or (`warning`) is hardly meant.

    Unknown names may be allowed, see Envoy's flags.
    """

    place: Place
    message: str
    hint: str = ""
    unknown: bool = False
    warning: bool = False


@dataclass
class Table:
    """How to fill a message type: its fields under both of their names."""

    full_name: str
    puts: dict[str, Put]
    names: dict[str, str]
    oneofs: dict[str, str]
    doubled: frozenset[str]


class Converter:
    """Fills messages and collects problems."""

    def __init__(self, types: TypeRegistry) -> None:
        self.types = types
        self.problems: list[Problem] = []
        self._fillers: dict[str, well_known.Fill] = {}

    def fill(self, message: Message, value: Tree, place: Place) -> None:
        """Set the fields of `message` from `value`, which was found at `place`."""
        self.filler(message.DESCRIPTOR)(self, message, value, place)

    def report(self, place: Place, message: str, hint: str = "") -> None:
        """Note that the value at `place` does not fit."""
        self.problems.append(Problem(place, message, hint))

    def report_unknown(self, place: Place, message: str, hint: str) -> None:
        """Note an unknown field or enum value, which Envoy can be told to ignore."""
        self.problems.append(Problem(place, message, hint, unknown=True))

    def filler(self, descriptor: AnyDescriptor) -> well_known.Fill:
        """The function that fills messages of a type."""
        name = descriptor.full_name
        found = self._fillers.get(name)
        if found is None:
            found = well_known.FILLERS.get(name) or _message_filler(self, descriptor)
            self._fillers[name] = found
        return found


def fill_by_fields(cx: Converter, message: Message, value: Tree, place: Place) -> None:
    """Fill a message by its fields even if its type has a JSON form of its own."""
    _message_filler(cx, message.DESCRIPTOR)(cx, message, value, place)


def _message_filler(converter: Converter, descriptor: AnyDescriptor) -> well_known.Fill:
    table: Table | None = None

    def fill(cx: Converter, message: Message, value: Tree, place: Place) -> None:
        nonlocal table
        if value.__class__ is not dict:
            cx.report(place, f"expected the fields of {descriptor.name}, not {describe(value)}")
            return
        assert isinstance(value, dict)
        if table is None:
            table = _table(converter, descriptor)
        if len(value) > 1:
            _check_conflicts(cx, table, value, place)
        puts = table.puts
        for key, item in value.items():
            put = puts.get(key)
            if put is None:
                _report_unknown_field(cx, table, key, place)
            else:
                put(cx, message, item, place)

    return fill


def _report_unknown_field(cx: Converter, table: Table, key: str, place: Place) -> None:
    hint = nearest(key, set(table.names.values()))
    cx.report_unknown((place, key), f"{table.full_name} has no field {key!r}", hint)


def _check_conflicts(cx: Converter, table: Table, fields: dict[str, Tree], place: Place) -> None:
    """Refuse two fields of one oneof; warn of two names of one field, of which either may count."""
    seen: dict[str, str] = {}
    for key, value in fields.items():
        group = table.oneofs.get(key)
        if group is not None and value is not None:
            other = seen.setdefault(group, key)
            if other != key:
                cx.report((place, key), f"{key} and {other} exclude each other", "keep one of them")
    for key in table.doubled.intersection(fields):
        name = table.names[key]
        if key != name and name in fields and key not in table.oneofs:
            text = f"{key} and {name} are one field, given twice"
            cx.problems.append(Problem((place, key), text, "keep one of them", warning=True))


def _table(converter: Converter, descriptor: AnyDescriptor) -> Table:
    doubled = frozenset(
        spelling
        for field in descriptor.fields
        if field.name != field.json_name
        for spelling in (field.name, field.json_name)
    )
    table = Table(descriptor.full_name, {}, {}, {}, doubled)
    for field in descriptor.fields:
        put = _put(converter, field)
        spellings = {field.name, field.json_name}
        oneof = field.containing_oneof
        for spelling in spellings:
            table.puts[spelling] = put
            table.names[spelling] = field.name
            if oneof is not None:
                table.oneofs[spelling] = oneof.name
    return table


def _put(converter: Converter, field: AnyField) -> Put:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return _put_map(converter, field)
    if field.is_repeated:
        return _put_list(converter, field)
    if field.message_type is not None:
        return _put_message(field)
    if field.enum_type is not None:
        return _put_scalar(field.name, _enum_reader(field))
    return _put_scalar(field.name, _scalar_reader(field))


# Reads a value for a field: None means that it was reported, or is to be ignored.
Read = Callable[[Converter, Tree, Place], "Scalar | None"]


def _scalar_reader(field: AnyField) -> Read:
    convert = scalars.CONVERTERS[field.type]

    def read(cx: Converter, value: Tree, place: Place) -> Scalar | None:
        try:
            return convert(value)
        except BadValue as error:
            cx.report(place, str(error))
            return None

    return read


def _enum_reader(field: AnyField) -> Read:
    enum = field.enum_type
    assert enum is not None
    numbers = {value.name: value.number for value in enum.values}

    def read(cx: Converter, value: Tree, place: Place) -> Scalar | None:
        if isinstance(value, str):
            number = numbers.get(value)
            if number is None:
                number = numbers.get(value.upper())
            if number is None and value.removeprefix("-").isdecimal() and value.isascii():
                number = int(value)
            if number is None:
                text = f"{enum.full_name} has no value {value!r}"
                cx.report_unknown(place, text, nearest(value, numbers) or _choices(numbers))
                return None
        elif isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            cx.report(place, f"expected one of {', '.join(numbers)}, not {describe(value)}")
            return None
        else:
            number = int(value)
        if not -(2**31) <= number < 2**31:
            cx.report(place, f"{number} is no 32-bit number")
            return None
        return number

    return read


def _choices(names: Iterable[str]) -> str:
    return f"one of {', '.join(names)}"


def _put_scalar(name: str, read: Read) -> Put:
    def put(cx: Converter, message: Message, value: Tree, place: Place) -> None:
        if value is not None:
            result = read(cx, value, (place, name))
            if result is not None:
                setattr(message, name, result)

    return put


def _put_message(field: AnyField) -> Put:
    name = field.name
    descriptor = field.message_type
    assert descriptor is not None
    takes_null = descriptor.full_name == well_known.VALUE
    fill: well_known.Fill | None = None

    def put(cx: Converter, message: Message, value: Tree, place: Place) -> None:
        nonlocal fill
        if value is None and not takes_null:
            return
        if fill is None:
            fill = cx.filler(descriptor)
        inner = getattr(message, name)
        inner.SetInParent()
        fill(cx, inner, value, (place, name))

    return put


# Adds one value to a repeated field.
Add = Callable[[Converter, "RepeatedItems", Tree, Place], None]


class RepeatedItems(Protocol):
    """A repeated field: `add` of messages, `append` of scalars."""

    def add(self) -> Message:
        """A new message at the end."""

    def append(self, value: Scalar) -> None:
        """A new scalar at the end."""


def _put_list(converter: Converter, field: AnyField) -> Put:
    name = field.name
    descriptor = field.message_type
    nests = descriptor is not None and descriptor.full_name in well_known.LIST_LIKE
    add = _adder(field)

    def put(cx: Converter, message: Message, value: Tree, place: Place) -> None:
        if value is not None or nests:
            put_all(cx, getattr(message, name), value, (place, name))

    def put_all(cx: Converter, items: RepeatedItems, value: Tree, place: Place) -> None:
        if not isinstance(value, list):
            add(cx, items, value, place)
            return
        for index, item in enumerate(value):
            if isinstance(item, list) and not nests:
                put_all(cx, items, item, (place, index))
            else:
                add(cx, items, item, (place, index))

    return put


def _adder(field: AnyField) -> Add:
    descriptor = field.message_type
    if descriptor is not None:
        takes_null = descriptor.full_name == well_known.VALUE

        def add_message(cx: Converter, items: RepeatedItems, value: Tree, place: Place) -> None:
            # A null in a list is an empty item, for the C++ reader.
            if value is None and not takes_null:
                items.add()
            else:
                cx.filler(descriptor)(cx, items.add(), value, place)

        return add_message
    read = _enum_reader(field) if field.enum_type else _scalar_reader(field)

    def add_scalar(cx: Converter, items: RepeatedItems, value: Tree, place: Place) -> None:
        result = empty if value is None else read(cx, value, place)
        if result is not None:
            items.append(result)

    empty = scalars.EMPTY.get(field.type, 0)
    return add_scalar


def _put_map(converter: Converter, field: AnyField) -> Put:
    assert field.message_type is not None
    name = field.name
    key_field = field.message_type.fields_by_name["key"]
    value_field = field.message_type.fields_by_name["value"]
    read_key = _scalar_reader(key_field)
    read = _enum_reader(value_field) if value_field.enum_type else None
    if value_field.message_type is None and read is None:
        read = _scalar_reader(value_field)

    def put(cx: Converter, message: Message, value: Tree, place: Place) -> None:
        if value is None:
            return
        here: Place = (place, name)
        if not isinstance(value, dict):
            cx.report(here, f"expected a mapping, not {describe(value)}")
            return
        items = getattr(message, name)
        for text, item in value.items():
            key = read_key(cx, text, (here, text))
            if key is None:
                continue
            if read is None:
                assert value_field.message_type is not None
                entry = items[key]
                if item is not None or value_field.message_type.full_name == well_known.VALUE:
                    cx.filler(value_field.message_type)(cx, entry, item, (here, text))
            else:
                result = read(cx, item, (here, text))
                if result is not None:
                    items[key] = result

    return put
