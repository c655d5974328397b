"""Which fields of the API are implemented, and the check that none is silently ignored.

A compile module declares, beside the code that reads them, the fields of each message type that it
handles:

    SUPPORT = (
        Fields(
            "envoy.config.route.v3.RedirectAction",
            implemented="https_redirect host_redirect port_redirect path_redirect response_code",
        ),
        Fields(
            "envoy.config.cluster.v3.Cluster",
            implemented="name type connect_timeout load_assignment",
            harmless={"alt_stat_name": "stats use the cluster's name"},
            rejected={"track_timeout_budgets": "use track_cluster_stats"},
        ),
        Fields(
            "envoy.extensions.filters.http.router.v3.Router",
            implemented="suppress_envoy_headers",
            category="envoy.filters.http",
        ),
        whole("envoy.type.v3.FractionalPercent"),
    )

and the compile package joins them: `TABLE = SupportTable([*cluster.SUPPORT, *route.SUPPORT])`.
`TABLE.check(message, path)` then walks what is *set* in a message:

- a field in `implemented` is fine; if it holds a message, that message is checked too;
- a field in `harmless` gives a warning: what it does cannot change behaviour a client sees;
- any other field gives an error, with the text of `rejected` as a hint if there is one;
- a message type, inside an implemented field, that the table does not have gives an error too, so
  that a type is never taken as implemented by mistake (google.protobuf types need no entry);
- what an Any holds is unpacked; an unknown or undeclared type gives an error that names the types
  with the same `category`.

Where a type's support depends on the field that holds it, `within` replaces the type's entry:
`within={"common_http_protocol_options": Fields("envoy.config.core.v3.HttpProtocolOptions", ...)}`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from lateen.config.diagnostics import Diagnostic, nearest
from lateen.config.typed import TypedConfigError, unpack_typed
from lateen.protos import UnknownTypeError, envoy_types

ALL = "*"


@dataclass(frozen=True)
class Fields:
    """What is done with the fields of one message type.

    Attributes:
        message: full name of the type.
        implemented: names of the fields that work, separated by spaces; `*` for all.
        harmless: fields that are ignored with a warning, and why that changes no behaviour.
        rejected: fields that are refused with a hint better than the general one.
        category: for an extension, Envoy's category (such as `envoy.filters.http`).
        within: entries that hold only inside the named field.
    """

    message: str
    implemented: str = ""
    harmless: Mapping[str, str] = field(default_factory=dict)
    rejected: Mapping[str, str] = field(default_factory=dict)
    category: str = ""
    within: Mapping[str, Fields] = field(default_factory=dict)

    @functools.cached_property
    def names(self) -> frozenset[str]:
        """The implemented fields' names; `*` stands for all."""
        return frozenset(self.implemented.split())

    def implements(self, name: str) -> bool:
        """Whether the field called `name` works."""
        exceptions = (*self.harmless, *self.rejected)
        return name in self.names or (ALL in self.names and name not in exceptions)


def whole(message: str, category: str = "") -> Fields:
    """The entry of a message type whose fields all work."""
    return Fields(message, implemented=ALL, category=category)


class _Holds(Enum):
    """How many messages are in a field."""

    ONE = 0
    MANY = 1
    MAP = 2


@dataclass
class _Plan:
    """What is to be done about each field of a type; filled as fields are met."""

    entry: Fields
    steps: dict[str, _Step | None] = field(default_factory=dict)


@dataclass(frozen=True)
class _Step:
    """What is to be done about one field: report it, or go into the messages that it holds."""

    problem: Diagnostic | None = None
    holds: _Holds = _Holds.ONE
    packed: bool = False
    plan: _Plan | None = None


class SupportTable:
    """Every declared message type."""

    def __init__(self, entries: Iterable[Fields]) -> None:
        """Join entries.

        Raises:
            ValueError: a type is declared twice, or a field of it does not exist.
        """
        self.entries: dict[str, Fields] = {}
        self._plans: dict[str, _Plan] = {}
        for entry in entries:
            if entry.message in self.entries:
                raise ValueError(f"{entry.message} is declared twice")
            self.entries[entry.message] = entry

    def problems(self) -> list[str]:
        """Mistakes in the table itself: types or fields that the API does not have."""
        return [text for entry in self.entries.values() for text in _mistakes(entry)]

    def check(self, message: Message, path: str) -> list[Diagnostic]:
        """Report every set field of `message` that is not implemented.

        Args:
            message: a message of the private pool (see lateen.protos).
            path: where it is, such as `static_resources.clusters[3]`; the diagnostics' paths
                continue it.
        """
        found: list[Diagnostic] = []
        self._check(message, path, self._plan(message.DESCRIPTOR.full_name), found)
        return found

    def _check(
        self, message: Message, path: str, plan: _Plan | None, found: list[Diagnostic]
    ) -> None:
        if plan is None:
            name = message.DESCRIPTOR.full_name
            found.append(Diagnostic("error", path, f"{name} is not implemented", "remove it"))
            return
        steps = plan.steps
        for descriptor, value in message.ListFields():
            name = descriptor.name
            if name not in steps:
                steps[name] = self._step(plan.entry, descriptor)
            step = steps[name]
            if step is None:
                continue
            here = f"{path}.{name}" if path else name
            if step.problem is not None:
                found.append(replace(step.problem, path=here))
            elif step.holds is _Holds.ONE:
                self._check_item(value, here, step, found)
            elif step.holds is _Holds.MANY:
                for index, item in enumerate(value):
                    self._check_item(item, f"{here}[{index}]", step, found)
            else:
                for key in value:
                    self._check_item(value[key], f'{here}["{key}"]', step, found)

    def _check_item(self, item: Message, path: str, step: _Step, found: list[Diagnostic]) -> None:
        if step.packed:
            self._check_any(item, path, found)
        else:
            self._check(item, path, step.plan, found)

    def _check_any(self, packed: Message, path: str, found: list[Diagnostic]) -> None:
        url = str(getattr(packed, "type_url", ""))
        name = url.rpartition("/")[2]
        if not name or name.startswith("google.protobuf."):
            return
        try:
            message = unpack_typed(packed)  # type: ignore[arg-type]
        except UnknownTypeError as error:
            hint = self._supported_like(error.name)
            found.append(Diagnostic("error", path, f"{name} is not implemented", hint))
            return
        except (DecodeError, TypedConfigError) as error:
            found.append(Diagnostic("error", path, str(error)))
            return
        name = message.DESCRIPTOR.full_name
        plan = self._plan(name)
        if plan is None:
            hint = self._supported_like(name)
            found.append(Diagnostic("error", path, f"{name} is not implemented", hint))
            return
        self._check(message, path, plan, found)

    def _plan(self, name: str) -> _Plan | None:
        if name not in self._plans and (entry := self.entries.get(name)) is not None:
            self._plans[name] = _Plan(entry)
        return self._plans.get(name)

    def _step(self, entry: Fields, descriptor: FieldDescriptor) -> _Step | None:
        """What is to be done about a field that is set; None: nothing."""
        name = descriptor.name
        if not entry.implements(name):
            return _Step(problem=_problem(entry, name))
        kind, holds = _held(descriptor)
        if kind is None:
            return None
        if kind.full_name == "google.protobuf.Any":
            return _Step(holds=holds, packed=True)
        if kind.full_name.startswith("google.protobuf."):
            return None
        inner = entry.within.get(name)
        if inner is not None and inner.message == kind.full_name:
            return _Step(holds=holds, plan=_Plan(inner))
        return _Step(holds=holds, plan=self._plan(kind.full_name))

    def _supported_like(self, name: str) -> str:
        """A hint that lists the implemented extensions in the package beside `name`."""
        family = ".".join(name.split(".")[:4])
        alike = sorted(
            known
            for known, entry in self.entries.items()
            if entry.category and known.startswith(f"{family}.")
        )
        return f"implemented here: {', '.join(alike)}" if alike else nearest(name, self.entries)


def _problem(entry: Fields, name: str) -> Diagnostic:
    """The report of a field that is not implemented, without its path."""
    if name in entry.harmless:
        text = f"{name} is not implemented and is ignored: {entry.harmless[name]}"
        return Diagnostic("warning", "", text)
    hint = entry.rejected.get(name, "remove it")
    return Diagnostic("error", "", f"{name} is not implemented", hint)


def _held(descriptor: FieldDescriptor) -> tuple[Descriptor | None, _Holds]:
    """The message type in a field, if it has one, and how many of it."""
    kind = descriptor.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return kind.fields_by_name["value"].message_type, _Holds.MAP
    return kind, _Holds.MANY if descriptor.is_repeated else _Holds.ONE


def _mistakes(entry: Fields) -> Iterator[str]:
    try:
        descriptor: Descriptor = envoy_types().descriptor(entry.message)
    except UnknownTypeError as error:
        yield str(error)
        return
    for name in (*(entry.names - {ALL}), *entry.harmless, *entry.rejected, *entry.within):
        if name not in descriptor.fields_by_name:
            hint = nearest(name, descriptor.fields_by_name)
            yield f"{entry.message} has no field {name!r} {hint}".rstrip()
    for inner in entry.within.values():
        yield from _mistakes(inner)
