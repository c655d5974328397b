"""Checks one resource at a time, as they arrive over xDS: rules, deprecations, checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.message import Message

from lateen.config.check import CHECKS, CheckContext, MessageCheck
from lateen.config.check.references import known_clusters
from lateen.config.diagnostics import Diagnostic
from lateen.config.paths import Place, render, steps_of
from lateen.config.plan import MessageWalk, Violation
from lateen.config.validate import Validator

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap

    from lateen.protos import TypeRegistry

# Which clusters there are changes while resources arrive: compiling looks at that.
_NOT_HERE = (known_clusters,)


class ResourceChecker:
    """Finds what is wrong with a message in itself; keeps what it learned of each type."""

    def __init__(self, types: TypeRegistry, bootstrap: Bootstrap) -> None:
        """A checker of resources beside those of `bootstrap`."""
        self._context = CheckContext(types, bootstrap, strict=False)
        checks = {name: self._walk(functions) for name, functions in CHECKS.items()}
        self._validator = Validator(types, checks)

    def rules(self, message: Message, place: Place = None) -> list[Diagnostic]:
        """Broken rules of the API (validate.rules), for which Envoy refuses a whole response.

        Args:
            message: a resource, or a part of one.
            place: where in the resource the part is.
        """
        self._context.found.clear()
        return [_diagnostic(one) for one in self._validator.check(message, place)]

    def found(self) -> list[Diagnostic]:
        """What the checks found, beside the rules, in the message that `rules` saw last."""
        return [_diagnostic(one) for one in self._context.found]

    def _walk(self, functions: tuple[MessageCheck, ...]) -> MessageWalk:
        wanted = [function for function in functions if function not in _NOT_HERE]

        def walk(message: Message, place: Place) -> None:
            for function in wanted:
                function(message, place, self._context)

        return walk


def _diagnostic(one: Violation) -> Diagnostic:
    path = render(steps_of(one.place))
    return Diagnostic("warning" if one.warning else "error", path, one.message, one.hint)
