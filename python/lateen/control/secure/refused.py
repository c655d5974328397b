"""A call that is refused."""

from __future__ import annotations

import grpc


class RefusedError(Exception):
    """A caller may not do what it asks for; the message says why, and is logged.

    Attributes:
        code: that the caller is given.
    """

    def __init__(self, code: grpc.StatusCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
