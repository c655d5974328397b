"""What the server waits for before it takes traffic, and what a listener waits for.

Source: Envoy docs, "Initialization".
"""

from __future__ import annotations

from collections.abc import Callable


class InitManager:
    """Targets that are to become ready; `done` is called once when all are, after `start`."""

    def __init__(self, name: str, done: Callable[[], None]) -> None:
        self.name = name
        self._done = done
        self._pending: dict[str, int] = {}
        self._started = False
        self._finished = False

    @property
    def pending(self) -> list[str]:
        """The names of the targets that are not ready."""
        return list(self._pending)

    @property
    def finished(self) -> bool:
        """Whether everything was ready once."""
        return self._finished

    def target(self, name: str) -> Callable[[], None]:
        """Adds a target; the function that is returned says that it is ready. Idempotent."""
        self._pending[name] = self._pending.get(name, 0) + 1
        told = False

        def ready() -> None:
            nonlocal told
            if told:
                return
            told = True
            self._pending[name] -= 1
            if not self._pending[name]:
                del self._pending[name]
            self._look()

        return ready

    def start(self) -> None:
        """Says that all targets of the beginning are added."""
        self._started = True
        self._look()

    def _look(self) -> None:
        if self._started and not self._pending and not self._finished:
            self._finished = True
            self._done()
