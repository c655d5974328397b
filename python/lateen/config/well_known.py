"""The types that have a JSON form of their own: google.protobuf's well-known types."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from lateen.config.diagnostics import nearest
from lateen.config.paths import Place
from lateen.config.scalars import CONVERTERS, BadValue, describe, to_string
from lateen.config.syntax import Tree
from lateen.protos import UnknownTypeError

if TYPE_CHECKING:
    from google.protobuf.any_pb2 import Any as AnyMessage
    from google.protobuf.duration_pb2 import Duration
    from google.protobuf.field_mask_pb2 import FieldMask
    from google.protobuf.struct_pb2 import ListValue, Struct, Value
    from google.protobuf.timestamp_pb2 import Timestamp

    from lateen.config.convert import Converter

# Fills a message from the value found at a place.
Fill = Callable[["Converter", Message, Tree, Place], None]

VALUE = "google.protobuf.Value"
LIST_LIKE = frozenset((VALUE, "google.protobuf.ListValue"))

_DURATION = re.compile(r"(-?)(\d+)(?:\.(\d{1,9}))?s")
_MAX_SECONDS = 315_576_000_000
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def parse_duration(text: str) -> tuple[int, int] | None:
    """Seconds and nanoseconds of `1.5s`; None when it is no duration."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    sign = -1 if match[1] else 1
    seconds, nanos = int(match[2]), int((match[3] or "").ljust(9, "0"))
    if seconds > _MAX_SECONDS:
        return None
    return sign * seconds, sign * nanos


def _fill_duration(cx: Converter, message: Duration, value: Tree, place: Place) -> None:
    if isinstance(value, str):
        parsed = parse_duration(value)
        if parsed is not None:
            message.seconds, message.nanos = parsed
            return
    elif isinstance(value, dict):
        _fill_fields(cx, message, value, place)
        return
    text = f"expected a duration such as 0.25s, not {describe(value)}"
    hint = f"{value}s is a duration in seconds" if isinstance(value, int | float) else ""
    cx.report(place, text, hint)


def _fill_timestamp(cx: Converter, message: Timestamp, value: Tree, place: Place) -> None:
    if isinstance(value, dict):
        _fill_fields(cx, message, value, place)
        return
    if isinstance(value, str) and _TIMESTAMP.fullmatch(value):
        try:
            message.FromJsonString(value.upper())
            return
        except ValueError:
            pass
    cx.report(place, f"expected a time such as 2026-01-31T12:00:00Z, not {describe(value)}")


def _fill_field_mask(cx: Converter, message: FieldMask, value: Tree, place: Place) -> None:
    if isinstance(value, dict):
        _fill_fields(cx, message, value, place)
    elif isinstance(value, str):
        paths = (re.sub(r"[A-Z]", lambda m: f"_{m[0].lower()}", p) for p in value.split(","))
        message.paths.extend(path for path in paths if path)
    else:
        cx.report(place, f"expected names separated by commas, not {describe(value)}")


def _fill_wrapper(cx: Converter, message: Message, value: Tree, place: Place) -> None:
    if isinstance(value, dict):
        _fill_fields(cx, message, value, place)
        return
    try:
        field = message.DESCRIPTOR.fields_by_name["value"]
        setattr(message, "value", CONVERTERS[field.type](value))  # noqa: B010
    except BadValue as error:
        cx.report(place, str(error))


def _fill_struct(cx: Converter, message: Struct, value: Tree, place: Place) -> None:
    if not isinstance(value, dict):
        cx.report(place, f"expected a mapping, not {describe(value)}")
        return
    for key, item in value.items():
        _fill_value(cx, message.fields[key], item, (place, key))


def _fill_value(cx: Converter, message: Value, value: Tree, place: Place) -> None:
    if value is None:
        message.null_value = 0  # type: ignore[assignment]
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, int | float):
        message.number_value = value
    elif isinstance(value, str):
        try:
            message.string_value = to_string(value)
        except BadValue as error:
            cx.report(place, str(error))
    elif isinstance(value, list):
        message.list_value.SetInParent()
        _fill_list(cx, message.list_value, value, place)
    else:
        message.struct_value.SetInParent()
        _fill_struct(cx, message.struct_value, value, place)


def _fill_list(cx: Converter, message: ListValue, value: Tree, place: Place) -> None:
    for index, item in enumerate(value if isinstance(value, list) else [value]):
        _fill_value(cx, message.values.add(), item, (place, index))


def _fill_any(cx: Converter, message: AnyMessage, value: Tree, place: Place) -> None:
    if not isinstance(value, dict):
        cx.report(place, f"expected a mapping with @type, not {describe(value)}")
        return
    if not value:
        return
    url = value.get("@type")
    if not isinstance(url, str):
        hint = 'add "@type": type.googleapis.com/...' if url is None else ""
        cx.report(place, "@type is missing" if url is None else "@type must be a string", hint)
        return
    inner = _message_of(cx, url, (place, "@type"))
    if inner is None:
        return
    fill = cx.filler(inner.DESCRIPTOR)
    rest = {key: item for key, item in value.items() if key != "@type"}
    if inner.DESCRIPTOR.full_name in FILLERS:
        _fill_from_value(cx, fill, inner, rest, place)
    else:
        fill(cx, inner, rest, place)
    message.type_url = url
    message.value = inner.SerializeToString(deterministic=True)


def _fill_from_value(
    cx: Converter, fill: Fill, inner: Message, rest: dict[str, Tree], place: Place
) -> None:
    """A type with a form of its own is under the key `value` of an Any."""
    for key in rest:
        if key != "value":
            cx.report_unknown((place, key), f"beside @type only 'value' is known, not {key!r}", "")
    if rest.get("value") is not None:
        fill(cx, inner, rest["value"], (place, "value"))


def _message_of(cx: Converter, url: str, place: Place) -> Message | None:
    try:
        return cx.types.class_of_url(url)()
    except UnknownTypeError:
        host, slash, name = url.rpartition("/")
        if not slash or not host:
            hint = f"write type.googleapis.com/{name}"
            cx.report(place, f"@type must have a host before the type: {url!r}", hint)
        else:
            cx.report(place, f"unknown type {name!r}", nearest(name, cx.types.symbols()))
        return None


def _fill_fields(cx: Converter, message: Message, value: dict[str, Tree], place: Place) -> None:
    """Take a well-known type by its fields, as the legacy mode does."""
    from lateen.config.convert import fill_by_fields

    fill_by_fields(cx, message, value, place)


_WRAPPERS = ("Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64")

FILLERS: dict[str, Fill] = {
    "google.protobuf.Any": _fill_any,  # type: ignore[dict-item]
    "google.protobuf.Duration": _fill_duration,  # type: ignore[dict-item]
    "google.protobuf.FieldMask": _fill_field_mask,  # type: ignore[dict-item]
    "google.protobuf.ListValue": _fill_list,  # type: ignore[dict-item]
    "google.protobuf.Struct": _fill_struct,  # type: ignore[dict-item]
    "google.protobuf.Timestamp": _fill_timestamp,  # type: ignore[dict-item]
    VALUE: _fill_value,  # type: ignore[dict-item]
    **{f"google.protobuf.{name}Value": _fill_wrapper for name in _WRAPPERS},
}
