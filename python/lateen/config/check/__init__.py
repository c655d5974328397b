"""What a bootstrap must be beyond its fields' rules: references, uniqueness, known extensions."""

from __future__ import annotations

from google.protobuf.message import Message

from lateen.config.diagnostics import Diagnostic
from lateen.protos import TypeRegistry


def bootstrap(
    message: Message, types: TypeRegistry, *, strict: bool, broken: bool
) -> list[Diagnostic]:
    """Check a whole bootstrap.

    Args:
        message: the bootstrap.
        strict: what is hardly meant is an error.
        broken: it has errors already, so that what is missing may be a consequence of them.
    """
    return []
