"""The Python filters of one proxy, by their numbers in the workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lateen.proxy.script_plan import ScriptError, ScriptPlan

if TYPE_CHECKING:
    from lateen.proxy.scripts.handler import Handler
    from lateen.proxy.workers import Core


class LoadedScripts:
    """Loads each filter once, and gives it to the workers once they are there.

    Attributes:
        on_load: is told of each filter that is loaded from now on.
    """

    def __init__(self) -> None:
        self.on_load: Callable[[ScriptPlan], None] = lambda _: None
        self._numbers: dict[ScriptPlan, int] = {}
        self._handlers: dict[ScriptPlan, Handler] = {}
        self._core: Core | None = None

    @property
    def plans(self) -> list[ScriptPlan]:
        """What was loaded."""
        return list(self._numbers)

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
            self._numbers[plan], self._handlers[plan] = number, handler
            self._put(plan)
            self.on_load(plan)
        return self._numbers[plan]

    def load_again(self, changed: Callable[[ScriptPlan], bool]) -> tuple[int, list[ScriptError]]:
        """Put filters as they are now in the place of the old ones: how many, and what failed.

        A filter that cannot be loaded stays as it was. Requests see one or the other.

        Args:
            changed: whether the source of a filter is another.
        """
        from lateen.proxy.scripts.handler import load
        from lateen.proxy.scripts.source import module_name

        imported: set[str] = set()
        failed: set[str] = set()
        count, errors = 0, []
        for plan in self._numbers:
            top = module_name(plan).partition(".")[0]
            if top in failed or not changed(plan):
                continue
            try:
                self._handlers[plan] = load(plan, again=top not in imported)
            except ScriptError as error:
                errors.append(error)
                if error.field != "config":
                    failed.add(top)
            else:
                count += 1
                self._put(plan)
            imported.add(top)
        return count, errors

    def attach(self, core: Core) -> None:
        """From now on the workers have what is loaded."""
        self._core = core
        for plan in self._handlers:
            self._put(plan)

    def _put(self, plan: ScriptPlan) -> None:
        if self._core is None:
            return
        handler = self._handlers[plan]
        self._core.put_script(
            self._numbers[plan],
            list(handler.phases),
            function=handler.function,
            factory=handler.factory,
            limit_ms=plan.limit_ms,
        )
