"""From the bytes of a resource to a message that has passed every check that Envoy makes of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import DecodeError, Message

from lateen.config import Diagnostic
from lateen.proxy.compile import unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

    from lateen.config.paths import Place
    from lateen.config.resource import ResourceChecker
    from lateen.config.support import SupportTable
    from lateen.protos import TypeRegistry
    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.workers import Rejection
    from lateen.xds.subscription import Resource

TYPE_PREFIX = "type.googleapis.com/"

Compiled = TypeVar("Compiled")


class UndecodableError(Exception):
    """A resource whose bytes or values no message may have: Envoy refuses the whole response."""


class ResourceError(Exception):
    """A resource that cannot be used; the message says why, in Envoy's words where it has some."""


class ResourceReader:
    """Decodes, checks and compiles resources."""

    def __init__(
        self,
        context: CompileContext,
        checker: ResourceChecker,
        table: SupportTable,
        unknown_fields: UnknownFields,
    ) -> None:
        self._context = context
        self._checker = checker
        self._table = table
        self._unknown_fields = unknown_fields

    @property
    def types(self) -> TypeRegistry:
        """Envoy's messages."""
        return self._context.types

    def parse(self, resource: Resource, type_name: str) -> Message:
        """The message of a resource, its rules not yet checked.

        Raises:
            UndecodableError: it is of another type, or the bytes are not of that type.
        """
        if resource.type_url != TYPE_PREFIX + type_name:
            raise UndecodableError(
                f"type URL {resource.type_url} embedded in an individual Any does not match the"
                f" message-wide type URL {TYPE_PREFIX}{type_name}"
            )
        message = self.types.message_class(type_name)()
        try:
            message.MergeFromString(resource.body or b"")
        except DecodeError:
            raise UndecodableError(f"Unable to unpack as {type_name}") from None
        return message

    def check(self, message: Message, place: Place = None) -> list[Diagnostic]:
        """Checks the rules of the API, and that the schema knows every field.

        Args:
            message: a resource, or a part of one.
            place: where in the resource the part is.

        Returns:
            what else is wrong, for `compile`.

        Raises:
            UndecodableError: it breaks a rule.
        """
        broken = [each for each in self._checker.rules(message, place) if each.severity == "error"]
        if broken:
            raise UndecodableError(f"Proto constraint validation failed ({reason_of(broken)})")
        self._unknown_fields.check(message)
        return self._checker.found()

    def compile(
        self,
        message: Message,
        found: Iterable[Diagnostic],
        compile_: Callable[[CompileContext], Compiled],
        at: str = "",
    ) -> tuple[Compiled, list[int]]:
        """What `compile_` makes of a message, and the stats blocks in it.

        Args:
            found: what `check` returned for the message.
            compile_: makes it, and reports to the context what is wrong.
            at: the path of the message if it is a part of a resource.

        Raises:
            ResourceError: it cannot be used.
        """
        context = self._context.apart()
        with context.blocks.recorded() as blocks:
            compiled = compile_(context)
        unsupported_ = unsupported(context, self._table, message, at)
        everything = (*found, *context.diagnostics, *unsupported_)
        errors = [each for each in everything if each.severity == "error"]
        if errors:
            context.blocks.release(blocks)
            raise ResourceError(reason_of(errors))
        return compiled, blocks


class UnknownFields:
    """What to do with fields that the schema does not have: --ignore-unknown-dynamic-fields,
    --reject-unknown-dynamic-fields, or to report and leave them out.
    """

    def __init__(self, *, reject: bool, ignore: bool, report: Callable[[str], None]) -> None:
        self._reject = reject
        self._ignore = ignore
        self._report = report

    def check(self, message: Message) -> None:
        """Looks for unknown fields, in the message and what it holds but for each Any.

        Raises:
            UndecodableError: there are some, and they are to be refused.
        """
        if self._ignore and not self._reject:
            return
        numbers = _unknown_numbers(message)
        size = message.ByteSize()
        message.DiscardUnknownFields()
        if message.ByteSize() == size:
            return
        where = ", ".join(map(str, numbers)) or "in a message inside it"
        text = f"type {message.DESCRIPTOR.full_name} with unknown field set {{{where}}}"
        if self._reject:
            raise UndecodableError(f"Protobuf message ({text}) has unknown fields")
        self._report(f"Unknown field: {text}")


def _unknown_numbers(message: Message) -> list[int]:
    from google.protobuf.unknown_fields import UnknownFieldSet

    fields = UnknownFieldSet(message)
    return [fields[index].field_number for index in range(len(fields))]


def reason_of(errors: Iterable[Diagnostic]) -> str:
    """The errors in one line: what is wrong, where, what to do."""
    texts = []
    for each in errors:
        path = each.path.removeprefix(".")
        details = ", ".join(part for part in (path and f"at {path}", each.hint) if part)
        texts.append(f"{each.message} ({details})" if details else each.message)
    return "; ".join(dict.fromkeys(texts))


def reason_of_rejections(rejections: Iterable[Rejection]) -> str:
    """Why the workers do not take something, in one line; "" when they do."""
    texts = (f"{each.reason} (at {each.path})" if each.path else each.reason for each in rejections)
    return "; ".join(texts)
