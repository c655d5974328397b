"""Checks messages against the rules that the API declares: validate.rules and deprecations."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.message import DecodeError, Message

from lateen.config.paths import Place
from lateen.config.plan import MessageWalk, Plan, PlanMaker, Violation
from lateen.config.typed import TypedConfigError, unpack_typed
from lateen.protos import PackedMessage, TypeRegistry, UnknownTypeError


class Validator:
    """Walks messages; knows the plan of every type it has met."""

    def __init__(
        self, types: TypeRegistry, checks: Mapping[str, MessageWalk] | None = None
    ) -> None:
        """A validator that also runs `checks`, by the full name of the type they look at."""
        self._types = types
        self._checks = checks or {}
        self._plans: dict[str, Plan] = {}
        self._maker = PlanMaker(types, self.walk, self._walk_any)

    def check(self, message: Message, place: Place = None) -> list[Violation]:
        """Every broken rule in `message`, which is at `place`, and in what it holds."""
        found: list[Violation] = []
        self.walk(message, place, found)
        return found

    def walk(self, message: Message, place: Place, found: list[Violation]) -> None:
        """Append every broken rule in `message` to `found`."""
        descriptor = message.DESCRIPTOR
        plan = self._plans.get(descriptor.full_name)
        if plan is None:
            plan = self._maker.make(descriptor, self._checks.get(descriptor.full_name))
            self._plans[descriptor.full_name] = plan
        if plan.required or plan.required_oneofs:
            _check_required(plan, message, place, found)
        for name, test in plan.always:
            text = test(getattr(message, name))
            if text is not None:
                found.append(Violation((place, name), f"{name} {text}"))
        if plan.check is not None:
            plan.check(message, place)
        present = plan.present
        if present:
            for field, value in message.ListFields():
                for walk in present.get(field.number, ()):
                    walk(value, (place, field.name), found)

    def _walk_any(self, value: PackedMessage, place: Place, found: list[Violation]) -> None:
        try:
            message = unpack_typed(value, self._types)
        except UnknownTypeError:
            # Envoy leaves an unknown type alone until something wants to use it.
            return
        except DecodeError as error:
            found.append(Violation(place, f"the bytes are no {value.type_url}: {error}"))
        except TypedConfigError as error:
            for problem in error.problems:
                where = place
                for step in problem.steps:
                    where = (where, step)
                found.append(Violation(where, problem.message, problem.hint))
        else:
            self.walk(message, place, found)


def _check_required(plan: Plan, message: Message, place: Place, found: list[Violation]) -> None:
    for name in plan.required:
        if not message.HasField(name):
            found.append(Violation((place, name), f"{name} is required"))
    for name, choices in plan.required_oneofs:
        if message.WhichOneof(name) is None:
            found.append(Violation(place, f"one of {choices} is required"))
