"""Routes of virtual services that no request gets to."""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import INEFFECTIVE_MATCH, UNREACHABLE_RULE
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.analyze.unreachable import Unreachable, unreachable_routes
from lateen.control.resources.virtual_service import VirtualService


def reachability(resources: Snapshot) -> Iterator[Message]:
    """Routes of virtual services that others take everything from."""
    for service in resources.of(VirtualService):
        for found in unreachable_routes(service.spec):
            kind = UNREACHABLE_RULE if isinstance(found, Unreachable) else INEFFECTIVE_MATCH
            yield about(kind, service, found.text, ("spec", *found.path))
