"""What each message type demands of its values, worked out from the options of its fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, cast

from google.protobuf.message import Message

from lateen.config import rules as value_rules
from lateen.config.paths import Place
from lateen.config.rules import AnyField, Check
from lateen.protos import TypeRegistry

if TYPE_CHECKING:
    from google._upb import _message
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.duration_pb2 import Duration

AnyDescriptor: TypeAlias = "Descriptor | _message.Descriptor"

ANY = "google.protobuf.Any"
DURATION = "google.protobuf.Duration"
_WRAPPERS = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64")
)
_MAX_DURATION_SECONDS = 315_576_000_000


@dataclass(frozen=True)
class Violation:
    """A rule that a message breaks, or with `warning` a use of what is deprecated."""

    place: Place
    message: str
    hint: str = ""
    warning: bool = False


# Appends the violations in a field's value to the list.
Walk: TypeAlias = "Callable[[object, Place, list[Violation]], None]"


# Looks at a message that is at a place.
MessageWalk = Callable[[Message, Place], None]


@dataclass
class Plan:
    """What a message type demands of its fields."""

    required: list[str] = field(default_factory=list)
    required_oneofs: list[tuple[str, str]] = field(default_factory=list)
    # Checked even when unset: fields without presence have a value anyway.
    always: list[tuple[str, Check]] = field(default_factory=list)
    # By the field's number: what to do with a value that is set.
    present: dict[int, list[Walk]] = field(default_factory=dict)
    # What is checked of the message as a whole.
    check: MessageWalk | None = None


class PlanMaker:
    """Makes plans; `walk_message` and `walk_any` are called for what a message holds."""

    def __init__(
        self, types: TypeRegistry, walk_message: Callable[..., None], walk_any: Callable[..., None]
    ) -> None:
        self._walk_message = walk_message
        self._walk_any = walk_any
        self._field_options = types.message_class("google.protobuf.FieldOptions")
        self._oneof_options = types.message_class("google.protobuf.OneofOptions")
        self._enum_value_options = types.message_class("google.protobuf.EnumValueOptions")
        types.pool.FindFileByName("validate/validate.proto")
        types.pool.FindFileByName("envoy/annotations/deprecation.proto")
        extension = types.pool.FindExtensionByName
        self._rules = extension("validate.rules")
        self._required = extension("validate.required")
        self._disallowed = extension("envoy.annotations.disallowed_by_default")
        self._disallowed_value = extension("envoy.annotations.disallowed_by_default_enum")

    def make(self, descriptor: AnyDescriptor, check: MessageWalk | None = None) -> Plan:
        """The plan of a message type; `check` looks at the messages as a whole."""
        plan = Plan(check=check)
        for oneof in descriptor.oneofs:
            options = self._oneof_options.FromString(oneof.GetOptions().SerializeToString())
            if _extension(options, self._required):
                names = ", ".join(member.name for member in oneof.fields)
                plan.required_oneofs.append((oneof.name, names))
        for member in descriptor.fields:
            walks = self._walks(plan, member)
            if walks:
                plan.present[member.number] = walks
        return plan

    def _walks(self, plan: Plan, member: AnyField) -> list[Walk]:
        options = self._field_options.FromString(member.GetOptions().SerializeToString())
        walks = self._deprecation(member, options)
        rules = cast(Message, _extension(options, self._rules))
        kind = rules.WhichOneof("type") or ""
        own: Message = getattr(rules, kind) if kind else rules
        on_message = rules.message  # type: ignore[attr-defined]
        if (on_message.required or getattr(own, "required", False)) and not member.containing_oneof:
            plan.required.append(member.name)
        if kind in ("repeated", "map"):
            walks += _container_rules(plan, member, kind, own)
        elif kind:
            test = value_rules.check_of(kind, own, member)
            if test is not None and member.has_presence:
                walks.append(_walk_of(test, member))
            elif test is not None:
                plan.always.append((member.name, test))
        descend = None if on_message.skip else self._descent(member)
        return [*walks, descend] if descend else walks

    def _deprecation(self, member: AnyField, options: Message) -> list[Walk]:
        text = f"{member.full_name} is deprecated"
        if _extension(options, self._disallowed):
            return [_always(f"{text} and refused by default", warning=False)]
        if getattr(options, "deprecated", False):
            return [_always(text, warning=True)]
        if member.enum_type is not None and not member.is_repeated:
            return self._enum_deprecation(member)
        return []

    def _enum_deprecation(self, member: AnyField) -> list[Walk]:
        assert member.enum_type is not None
        known: dict[object, tuple[str, bool]] = {}
        for value in member.enum_type.values:
            data = value.GetOptions().SerializeToString()
            if data:
                options = self._enum_value_options.FromString(data)
                text = f"{value.name} of {member.enum_type.full_name} is deprecated"
                if _extension(options, self._disallowed_value):
                    known[value.number] = (f"{text} and refused by default", False)
                elif getattr(options, "deprecated", False):
                    known[value.number] = (text, True)

        def walk(value: object, place: Place, found: list[Violation]) -> None:
            if value in known:
                text, warning = known[value]
                found.append(Violation(place, text, warning=warning))

        return [walk] if known else []

    def _descent(self, member: AnyField) -> Walk | None:
        kind = member.message_type
        if kind is None:
            return None
        if kind.GetOptions().map_entry:
            value = kind.fields_by_name["value"]
            one = self._message_walk(value.message_type) if value.message_type else None
            return _each_pair(one) if one else None
        one = self._message_walk(kind)
        return _each_item(one) if one and member.is_repeated else one

    def _message_walk(self, kind: AnyDescriptor) -> Walk | None:
        if kind.full_name == ANY:
            return self._walk_any
        if kind.full_name == DURATION:
            return _walk_duration
        return None if kind.full_name.startswith("google.protobuf.") else self._walk_message


def _extension(options: Message, extension: AnyField) -> object:
    """A custom option: extensions of a private pool have no static type."""
    return options.Extensions[extension]  # type: ignore[index]


def _always(text: str, warning: bool) -> Walk:
    return lambda value, place, found: found.append(Violation(place, text, warning=warning))


def _container_rules(plan: Plan, member: AnyField, kind: str, rules: Message) -> list[Walk]:
    names = ("min_items", "max_items") if kind == "repeated" else ("min_pairs", "max_pairs")
    count = value_rules.count_check(rules, *names, "items")
    if count is not None:
        test = _unless_empty(count) if getattr(rules, "ignore_empty", False) else count
        plan.always.append((member.name, test))
    if kind == "map":
        return _map_rules(member, rules)
    if getattr(rules, "unique", False):
        plan.always.append((member.name, _check_unique))
    item = _item_check(getattr(rules, "items"), member)  # noqa: B009
    return [_walk_items(item, member)] if item is not None else []


def _map_rules(member: AnyField, rules: Message) -> list[Walk]:
    assert member.message_type is not None
    walks = []
    for part, field_name in (("keys", "key"), ("values", "value")):
        test = _item_check(getattr(rules, part), member.message_type.fields_by_name[field_name])
        if test is not None:
            walks.append(_walk_pairs(test, field_name))
    return walks


def _item_check(rules: Message, member: AnyField) -> Check | None:
    kind = rules.WhichOneof("type")
    if kind is None or kind in ("repeated", "map"):
        return None
    return value_rules.check_of(kind, getattr(rules, kind), member)


def _unless_empty(count: Check) -> Check:
    return lambda value: count(value) if value else None


def _plain(member: AnyField) -> Callable[[object], object]:
    """What rules see of a value: for a wrapper such as UInt32Value, the value in it."""
    if member.message_type is not None and member.message_type.full_name in _WRAPPERS:
        return lambda value: getattr(value, "value")  # noqa: B009
    return lambda value: value


def _walk_of(test: Check, member: AnyField) -> Walk:
    plain = _plain(member)

    def walk(value: object, place: Place, found: list[Violation]) -> None:
        text = test(plain(value))
        if text is not None:
            found.append(Violation(place, f"{member.name} {text}"))

    return walk


def _walk_items(test: Check, member: AnyField) -> Walk:
    plain = _plain(member)

    def walk(value: object, place: Place, found: list[Violation]) -> None:
        for index, item in enumerate(cast("Iterable[object]", value)):
            text = test(plain(item))
            if text is not None:
                found.append(Violation((place, index), f"{member.name}[{index}] {text}"))

    return walk


def _walk_pairs(test: Check, part: str) -> Walk:
    def walk(value: object, place: Place, found: list[Violation]) -> None:
        for key, item in cast("Mapping[object, object]", value).items():
            text = test(key if part == "key" else item)
            if text is not None:
                found.append(Violation((place, str(key)), f"the {part} {text}"))

    return walk


def _each_item(walk_one: Walk) -> Walk:
    def walk(value: object, place: Place, found: list[Violation]) -> None:
        for index, item in enumerate(cast("Iterable[object]", value)):
            walk_one(item, (place, index), found)

    return walk


def _each_pair(walk_one: Walk) -> Walk:
    def walk(value: object, place: Place, found: list[Violation]) -> None:
        for key, item in cast("Mapping[object, object]", value).items():
            walk_one(item, (place, str(key)), found)

    return walk


def _walk_duration(value: object, place: Place, found: list[Violation]) -> None:
    """Envoy refuses durations that are negative or out of protobuf's range."""
    duration = cast("Duration", value)
    if duration.seconds < 0 or duration.nanos < 0:
        found.append(Violation(place, "a duration must not be negative"))
    elif duration.seconds > _MAX_DURATION_SECONDS or duration.nanos > 999_999_999:
        found.append(Violation(place, "the duration is out of protobuf's range"))


def _check_unique(value: object) -> str | None:
    seen: set[object] = set()
    for item in cast("Iterable[object]", value):
        key = item.SerializeToString(deterministic=True) if isinstance(item, Message) else item
        if key in seen:
            return f"has {item} twice"
        seen.add(key)
    return None
