"""The authority as its files say, while they change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from lateen.control.ca.authority import Authority, CaError
from lateen.control.ca.files import load, load_or_create, stamps

_POLL_S = 0.5


class Keeper:
    """The authority of a directory.

    Args:
        directory: with its files; they are made where there are none.
        trust_domain: of a root that is made.
        say: is told what happens, a line each.

    Raises:
        CaError: there is no authority, and none can be made.
    """

    def __init__(self, directory: Path, trust_domain: str, say: Callable[[str], None]) -> None:
        self.directory = directory
        self.authority: Authority = load_or_create(directory, trust_domain)
        self._taken = self._seen = stamps(directory)
        self._say = say

    async def watch(self) -> None:
        """Follow the files; while they do not belong together, the last authority goes on."""
        while True:
            await asyncio.sleep(_POLL_S)
            self.look()

    def look(self) -> None:
        """Take over what has changed in the files, once they are as they were last time."""
        now, last = stamps(self.directory), self._seen
        self._seen = now
        if now != last or now == self._taken:
            return
        self._taken = now
        try:
            self.authority = load(self.directory)
        except CaError as error:
            self._say(f"the authority stays as it was: {error}")
            return
        roots = len(self.authority.roots)
        expiry = self.authority.certificate.not_valid_after_utc.date()
        self._say(f"the authority changed: {roots} roots, it signs until {expiry}")
