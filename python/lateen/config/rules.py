"""The rules of validate.proto, as checks of single values.

A rule is the option `validate.rules` of a field; the meaning is protoc-gen-validate's
(https://github.com/bufbuild/protoc-gen-validate). A check gives the text of a violation or None.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

if TYPE_CHECKING:
    from google._upb import _message

AnyField: TypeAlias = "FieldDescriptor | _message.FieldDescriptor"

# Gives the violation of a value, or None.
Check = Callable[[object], "str | None"]

_NUMERIC = frozenset(
    f"{sign}{kind}{bits}"
    for sign in ("", "s", "u")
    for kind in ("int", "fixed")
    for bits in (32, 64)
) | {"float", "double"}
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

# validate.KnownRegex: (strict, not strict). Envoy's generated C++ takes an empty text for both.
_KNOWN_REGEX = {
    1: (r":?[0-9a-zA-Z!#$%&'*+\-.^_|~\x60]*", r"[^\x00\n\r]*"),
    2: (r"[^\x00-\x08\x0A-\x1F\x7F]*", r"[^\x00\n\r]*"),
}


def check_of(kind: str, rules: Message, field: AnyField) -> Check | None:
    """The check for one kind of rules, such as `string`; None when they demand nothing.

    Args:
        kind: the name of the field of validate.FieldRules that is set.
        rules: what it holds, such as validate.StringRules.
        field: the field that the rules are of.
    """
    if kind in _NUMERIC:
        return _all([*_range_checks(rules, _same, str), *_member_checks(rules)], rules, _is_zero)
    if kind == "bool":
        return _all(_member_checks(rules), rules, _never)
    if kind == "enum":
        return _all([*_enum_checks(rules, field), *_member_checks(rules)], rules, _never)
    if kind == "string":
        return _all(_string_checks(rules), rules, _is_zero)
    if kind == "bytes":
        return _all(_bytes_checks(rules), rules, _is_zero)
    if kind in ("duration", "timestamp"):
        checks = [*_range_checks(rules, _nanos, _seconds_text), *_time_members(rules)]
        return _all(checks, rules, _never)
    if kind == "any":
        return _all(_any_checks(rules), rules, _never)
    return None


def number(rules: Message, name: str) -> int | None:
    """A bound of the rules, or None when it is not given."""
    return int(getattr(rules, name)) if rules.HasField(name) else None


def count_check(rules: Message, lowest: str, highest: str, noun: str) -> Check | None:
    """The check of a number of items between two bounds of the rules."""
    low, high = number(rules, lowest), number(rules, highest)

    def check(value: object) -> str | None:
        count = len(value)  # type: ignore[arg-type]
        if low is not None and count < low:
            return f"must have at least {low} {noun}, has {count}"
        if high is not None and count > high:
            return f"must have at most {high} {noun}, has {count}"
        return None

    return check if low or high is not None else None


def _all(checks: list[Check], rules: Message, is_empty: Callable[[object], bool]) -> Check | None:
    if not checks:
        return None
    ignores = "ignore_empty" in rules.DESCRIPTOR.fields_by_name and getattr(
        rules, "ignore_empty", False
    )
    if len(checks) == 1 and not ignores:
        return checks[0]

    def check(value: object) -> str | None:
        if ignores and is_empty(value):
            return None
        return next((text for one in checks if (text := one(value)) is not None), None)

    return check


def _is_zero(value: object) -> bool:
    return not value


def _never(value: object) -> bool:
    return False


def _same(value: object) -> object:
    return value


def _nanos(value: object) -> object:
    return value.seconds * 1_000_000_000 + value.nanos  # type: ignore[attr-defined]


def _seconds_text(value: object) -> str:
    text = f"{value / 1_000_000_000:.9f}"  # type: ignore[operator]
    return f"{text.rstrip('0').rstrip('.')}s"


def _range_checks(
    rules: Message, measure: Callable[[object], object], show: Callable[[object], str]
) -> list[Check]:
    """lt, lte, gt and gte; a lower bound above the upper one means outside of both."""
    bounds = {
        n: measure(getattr(rules, n)) for n in ("gt", "gte", "lt", "lte") if rules.HasField(n)
    }
    if not bounds:
        return []
    low = bounds.get("gt", bounds.get("gte"))
    high = bounds.get("lt", bounds.get("lte"))
    words = {"gt": "greater than", "gte": "at least", "lt": "less than", "lte": "at most"}
    outside = low is not None and high is not None and high < low  # type: ignore[operator]
    text = (" or " if outside else " and ").join(f"{words[n]} {show(b)}" for n, b in bounds.items())

    def check(value: object) -> str | None:
        size = measure(value)
        above = low is None or (size > low if "gt" in bounds else size >= low)  # type: ignore[operator]
        below = high is None or (size < high if "lt" in bounds else size <= high)  # type: ignore[operator]
        # A NaN compares with nothing: the generated C++ only refuses what is out of bounds.
        fits = (above or below) if outside else (above and below)
        return None if fits or size != size else f"must be {text}, is {show(size)}"

    return [check]


def _member_checks(rules: Message) -> list[Check]:
    """const, in and not_in."""
    checks: list[Check] = []
    if rules.HasField("const"):
        only = getattr(rules, "const")  # noqa: B009
        checks.append(lambda value: None if value == only else f"must be {only}, is {value}")
    for name in ("in", "not_in"):
        if name in rules.DESCRIPTOR.fields_by_name and getattr(rules, name):
            checks.append(_membership(frozenset(getattr(rules, name)), name == "in"))
    return checks


def _membership(members: frozenset[object], wanted: bool) -> Check:
    listed = ", ".join(sorted(str(member) for member in members))

    def check(value: object) -> str | None:
        if (value in members) == wanted:
            return None
        return f"must be one of {listed}, is {value}" if wanted else f"must not be {value}"

    return check


def _enum_checks(rules: Message, field: AnyField) -> list[Check]:
    enum = field.enum_type
    if enum is None or not getattr(rules, "defined_only", False):
        return []
    known = frozenset(enum.values_by_number)
    return [lambda value: None if value in known else f"{value} is no value of {enum.full_name}"]


def _time_members(rules: Message) -> list[Check]:
    checks: list[Check] = []
    for name in ("in", "not_in"):
        if name in rules.DESCRIPTOR.fields_by_name and getattr(rules, name):
            members = frozenset(_nanos(item) for item in getattr(rules, name))
            inner = _membership(members, name == "in")
            checks.append(lambda value, inner=inner: inner(_nanos(value)))  # type: ignore[misc]
    return checks


def _any_checks(rules: Message) -> list[Check]:
    inner = [
        _membership(frozenset(getattr(rules, name)), name == "in")
        for name in ("in", "not_in")
        if getattr(rules, name)
    ]
    return [lambda value, one=one: one(value.type_url) for one in inner]  # type: ignore[misc]


def _bytes_checks(rules: Message) -> list[Check]:
    checks = [count_check(rules, "min_len", "max_len", "bytes"), *_member_checks(rules)]
    length = number(rules, "len")
    if length is not None:
        checks.append(lambda value: _exact(len(value), length, "bytes"))  # type: ignore[arg-type]
    return [check for check in checks if check is not None]


def _exact(count: int, wanted: int, noun: str) -> str | None:
    return None if count == wanted else f"must have exactly {wanted} {noun}, has {count}"


def _string_checks(rules: Message) -> list[Check]:
    if number(rules, "min_len") == 1 and len(rules.ListFields()) == 1:
        return [lambda value: None if value else "must not be empty"]
    checks = [count_check(rules, "min_len", "max_len", "characters")]
    in_bytes = count_check(rules, "min_bytes", "max_bytes", "bytes")
    if in_bytes is not None:
        checks.append(lambda value: in_bytes(str(value).encode()))
    for name, measure in (("len", len), ("len_bytes", lambda text: len(text.encode()))):
        exact = number(rules, name)
        if exact is not None:
            checks.append(
                lambda value, exact=exact, measure=measure: _exact(
                    measure(value), exact, "characters"
                )  # type: ignore[misc]
            )
    checks += [*_text_checks(rules), *_member_checks(rules)]
    return [check for check in checks if check is not None]


def _text_checks(rules: Message) -> list[Check]:
    checks: list[Check] = []
    tests: dict[str, Callable[[str, str], bool]] = {
        "prefix": str.startswith,
        "suffix": str.endswith,
        "contains": str.__contains__,
        "not_contains": lambda value, part: part not in value,
    }
    for name, test in tests.items():
        if rules.HasField(name):
            checks.append(_text_check(name, getattr(rules, name), test))
    if rules.HasField("pattern"):
        checks.append(_pattern_check(getattr(rules, "pattern"), search=True))  # noqa: B009
    form = rules.WhichOneof("well_known")
    if form == "well_known_regex":
        strict = not rules.HasField("strict") or getattr(rules, "strict")  # noqa: B009
        known = _KNOWN_REGEX.get(int(getattr(rules, form)))
        if known:
            checks.append(_pattern_check(known[0 if strict else 1], search=False))
    elif form is not None and getattr(rules, form):
        checks.append(_form_check(form))
    return checks


def _text_check(name: str, part: str, test: Callable[[str, str], bool]) -> Check:
    words = {"prefix": "start with", "suffix": "end with", "contains": "contain"}
    verb = words.get(name, "not contain")
    return lambda value: None if test(str(value), part) else f"must {verb} {part!r}, is {value!r}"


def _pattern_check(pattern: str, search: bool) -> Check:
    compiled = re.compile(pattern.replace("\\z", "\\Z"))
    match = compiled.search if search else compiled.fullmatch
    return lambda value: None if match(str(value)) else f"must match {pattern!r}, is {value!r}"


def _form_check(form: str) -> Check:
    test = _FORMS[form]
    return lambda value: None if test(str(value)) else f"must be a valid {form}, is {value!r}"


def _is_ip(value: str, versions: tuple[int, ...] = (4, 6)) -> bool:
    try:
        return ipaddress.ip_address(value).version in versions
    except ValueError:
        return False


def _is_hostname(value: str) -> bool:
    labels = value.removesuffix(".").split(".")
    return len(value) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def _is_email(value: str) -> bool:
    local, _, host = value.rpartition("@")
    return 0 < len(local) <= 64 and len(value) <= 254 and _is_hostname(host)


def _is_uri(value: str) -> bool:
    try:
        return bool(urlsplit(value).scheme)
    except ValueError:
        return False


_FORMS: dict[str, Callable[[str], bool]] = {
    "email": _is_email,
    "hostname": _is_hostname,
    "ip": _is_ip,
    "ipv4": lambda value: _is_ip(value, (4,)),
    "ipv6": lambda value: _is_ip(value, (6,)),
    "uri": _is_uri,
    "uri_ref": lambda value: " " not in value,
    "address": lambda value: _is_ip(value) or _is_hostname(value),
    "uuid": lambda value: _UUID.fullmatch(value) is not None,
}
