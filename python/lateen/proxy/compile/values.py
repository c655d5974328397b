"""Small conversions that many resources need."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lateen.protos.worker_pb2 import RuntimeFraction

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import Metadata, RuntimeFractionalPercent
    from envoy.type.v3.percent_pb2 import FractionalPercent
    from google.protobuf.duration_pb2 import Duration
    from google.protobuf.message import Message
    from google.protobuf.struct_pb2 import Struct, Value

JsonValue = dict[str, "JsonValue"] | list["JsonValue"] | str | int | float | bool | None

_DENOMINATORS = (100, 10_000, 1_000_000)
_EXACT_INTEGERS = 2**53


def milliseconds(duration: Duration) -> int:
    """Whole milliseconds; what is below one is cut off, as Envoy does."""
    return duration.seconds * 1000 + duration.nanos // 1_000_000


def enum_name(message: Message, field: str) -> str:
    """The name of an enum field's value, or its number when the schema does not know it."""
    number: int = getattr(message, field)
    return enum_value_name(message, field, number)


def enum_value_name(message: Message, field: str, number: int) -> str:
    """The name of `number` as a value of an enum field, or the number when it has none."""
    kind = message.DESCRIPTOR.fields_by_name[field].enum_type
    value = kind.values_by_number.get(number) if kind is not None else None
    return value.name if value is not None else str(number)


def denominator(fraction: FractionalPercent) -> int:
    """The denominator of a fraction: 100, 10,000 or 1,000,000."""
    return _DENOMINATORS[fraction.denominator]


def runtime_fraction(fraction: RuntimeFractionalPercent) -> RuntimeFraction:
    """A fraction with the runtime key that may override it."""
    default = fraction.default_value
    return RuntimeFraction(
        runtime_key=fraction.runtime_key,
        numerator=default.numerator,
        denominator=denominator(default),
    )


def struct_to_python(struct: Struct) -> dict[str, JsonValue]:
    """A Struct as a dictionary, keys sorted."""
    return {key: value_to_python(struct.fields[key]) for key in sorted(struct.fields)}


def value_to_python(value: Value) -> JsonValue:
    """A Value as what it stands for; a whole number comes back as an int."""
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return struct_to_python(value.struct_value)
    if kind == "list_value":
        return [value_to_python(item) for item in value.list_value.values]
    if kind == "string_value":
        return value.string_value
    if kind == "number_value":
        return _number(value.number_value)
    if kind == "bool_value":
        return value.bool_value
    return None


def _number(number: float) -> int | float:
    return int(number) if abs(number) < _EXACT_INTEGERS and number.is_integer() else number


def to_json(value: JsonValue) -> str:
    """Compact JSON, the same text for the same value."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def metadata_json(metadata: Metadata) -> str:
    """filter_metadata as a JSON object by filter name; empty when there is none."""
    filters = metadata.filter_metadata
    if not filters:
        return ""
    return to_json({name: struct_to_python(filters[name]) for name in sorted(filters)})
