"""The Python filters of one proxy, by their numbers in the workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.proxy.script_plan import ScriptPlan

if TYPE_CHECKING:
    from lateen.proxy.scripts.handler import Handler
    from lateen.proxy.workers import Core


class LoadedScripts:
    """Loads each filter once, and gives it to the workers once they are there."""

    def __init__(self) -> None:
        self._numbers: dict[ScriptPlan, int] = {}
        self._handlers: dict[int, Handler] = {}
        self._core: Core | None = None

    def load(self, plan: ScriptPlan) -> int:
        """The number of a filter; it is loaded if it was not yet.

        Raises:
            ScriptError: it cannot be.
        """
        if plan not in self._numbers:
            # Imported here: a proxy without Python filters does without.
            from lateen.proxy.scripts.handler import load

            handler = load(plan)
            number = len(self._numbers) + 1
            self._numbers[plan], self._handlers[number] = number, handler
            self._put(number)
        return self._numbers[plan]

    def attach(self, core: Core) -> None:
        """From now on the workers have what is loaded."""
        self._core = core
        for number in self._handlers:
            self._put(number)

    def _put(self, number: int) -> None:
        if self._core is None:
            return
        handler = self._handlers[number]
        self._core.put_script(
            number,
            function=handler.function,
            factory=handler.factory,
            sees_requests=handler.sees_requests,
            sees_responses=handler.sees_responses,
        )
