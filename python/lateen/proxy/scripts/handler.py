"""What the workers call for a filter, and what they call it for."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from lateen.filters import Request
from lateen.proxy.script_plan import ScriptError, ScriptPlan
from lateen.proxy.scripts.source import find

_PHASES = ("on_request", "on_response")


@dataclass(frozen=True)
class Handler:
    """A filter, ready to be called.

    Attributes:
        function: called with each request; None: each request has an object of its own.
        factory: makes that object; None: there is a function.
        sees_requests: the object has `on_request`.
        sees_responses: it has `on_response`.
    """

    function: Callable[[Request], object] | None = None
    factory: Callable[[], object] | None = None
    sees_requests: bool = True
    sees_responses: bool = False


def load(plan: ScriptPlan, *, again: bool = False) -> Handler:
    """The filter that a plan names; `again`: as its source is now.

    Raises:
        ScriptError: there is none, its configuration does not fit, or it asks for what is not
            implemented.
    """
    found, kind = find(plan, again=again)
    given = _config(plan, kind)
    if not inspect.isclass(found):
        function = cast("Callable[..., object]", found)
        _check_plain(plan, plan.name, function)
        if kind is None:
            return Handler(function)
        return Handler(lambda request: function(request, given))
    for name in vars(found):
        if name.startswith("on_") and name not in _PHASES:
            known = " and ".join(_PHASES)
            raise ScriptError(f"{plan.name}.{name} is no phase: there are {known}", "name")
    phases = {name: getattr(found, name, None) for name in _PHASES}
    for name, method in phases.items():
        if method is not None:
            _check_plain(plan, f"{plan.name}.{name}", method)
    if not any(phases.values()):
        raise ScriptError(f"{plan.name} has neither {' nor '.join(_PHASES)}", "name")
    factory = cast("Callable[..., object]", found)
    return Handler(
        factory=factory if kind is None else functools.partial(factory, given),
        sees_requests=phases["on_request"] is not None,
        sees_responses=phases["on_response"] is not None,
    )


def _check_plain(plan: ScriptPlan, name: str, function: object) -> None:
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        told = (
            f"{name} of {plan.where} waits: filters that wait are not implemented, use a plain def"
        )
        raise ScriptError(told, "name")


def _config(plan: ScriptPlan, kind: type | None) -> object:
    """The configuration as the filter wants it."""
    tree = json.loads(plan.config)
    if kind is None:
        if tree:
            told = (
                f"{plan.name} takes no configuration: @http_filter(config=TYPE) says that it does"
            )
            raise ScriptError(told, "config")
        return None
    # Imported here: filters without configuration do without.
    import msgspec

    try:
        # Numbers with a point come from YAML as text, as in Envoy.
        return msgspec.convert(tree, kind, strict=False)
    except (msgspec.ValidationError, TypeError) as error:
        raise ScriptError(f"{plan.name} cannot take it: {error}", "config") from None
