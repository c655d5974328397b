"""Runs analyzers, and leaves out what nobody wants to hear."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lateen.control.analyze.analyzer import Analyzer
from lateen.control.analyze.message import Message
from lateen.control.analyze.snapshot import Snapshot


@dataclass(frozen=True)
class Suppression:
    """Messages that are left out.

    Attributes:
        code: of the messages.
        resource: `Kind namespace/name` or `Kind name.namespace`, in which `*` is any text.
    """

    code: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Suppression:
        """Read `CODE=RESOURCE`.

        Raises:
            ValueError: it is none.
        """
        code, equals, resource = text.partition("=")
        if not equals or not code or not resource:
            raise ValueError(f"{text!r} is not CODE=RESOURCE, as 'IST0102=Namespace *'")
        return cls(code, resource)

    def leaves_out(self, message: Message) -> bool:
        """Whether it is about a message."""
        if message.type.code != self.code:
            return False
        key = message.key
        names = (str(key), f"{key.kind} {key.name}.{key.namespace}")
        pattern = re.compile(".*".join(re.escape(part) for part in self.resource.split("*")))
        return any(pattern.fullmatch(name) for name in names)


def analyze(
    resources: Snapshot,
    analyzers: Iterable[Analyzer],
    suppressions: Sequence[Suppression] = (),
    namespace: str = "",
) -> list[Message]:
    """What analyzers find, the worst first, each message once.

    Args:
        resources: what is analyzed.
        analyzers: who analyze.
        suppressions: what is left out, beside what annotations of resources leave out.
        namespace: whose messages are told, beside those of kinds without one; empty: all.
    """
    found = {message for analyzer in analyzers for message in analyzer.run(resources)}
    told = (
        message
        for message in found
        if namespace in ("", message.key.namespace) or not message.key.namespace
        if not message.suppressed & {"*", message.type.code}
        if not any(one.leaves_out(message) for one in suppressions)
    )
    return sorted(told, key=_order)


def _order(one: Message) -> tuple[int, str, tuple[str, ...], int, str]:
    return one.type.level, one.type.code, one.key, one.line, one.text
