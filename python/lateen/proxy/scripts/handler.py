"""What the workers call for a filter, and what they call it for."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from lateen.filters import Marked, Request
from lateen.proxy.script_plan import ScriptError, ScriptPlan
from lateen.proxy.scripts.source import find

_METHODS = ("on_request", "on_request_body", "on_response", "on_response_body")


@dataclass(frozen=True)
class Handler:
    """A filter, ready to be called.

    Attributes:
        phases: what it is called for, see `put_script` of lateen._core.
        function: called with each request; None: each request has an object of its own.
        factory: makes that object; None: there is a function.
    """

    phases: tuple[str, ...]
    function: Callable[[Request], object] | None = None
    factory: Callable[[], object] | None = None


def load(plan: ScriptPlan, *, again: bool = False) -> Handler:
    """The filter that a plan names; `again`: as its source is now.

    Raises:
        ScriptError: there is none, its configuration does not fit, or it asks for what is not
            implemented.
    """
    found, marked = find(plan, again=again)
    given = _config(plan, marked.config)
    if inspect.isclass(found):
        factory = cast("Callable[..., object]", found)
        made = factory if marked.config is None else functools.partial(factory, given)
        return Handler(_phases(plan, found, marked), factory=made)
    function = cast("Callable[..., object]", found)
    _check_plain(plan, plan.name, function)
    if marked.response_body:
        told = f"{plan.name} is a function, which sees no response: a class with on_response does"
        raise ScriptError(told, "name")
    phases = ("on_request", "request_body") if marked.request_body else ("on_request",)
    if marked.config is None:
        return Handler(phases, function)
    return Handler(phases, lambda request: function(request, given))


def _phases(plan: ScriptPlan, found: type, marked: Marked) -> tuple[str, ...]:
    """What an object of a class is called for."""
    for name in dir(found):
        if name.startswith("on_") and name not in _METHODS:
            raise ScriptError(f"{plan.name}.{name} is no phase: there are {_listed()}", "name")
    phases = [name for name in _METHODS if hasattr(found, name)]
    for name in phases:
        _check_plain(plan, f"{plan.name}.{name}", getattr(found, name))
    if not phases:
        raise ScriptError(f"{plan.name} has none of {_listed()}", "name")
    for whole, head in (("request_body", "on_request"), ("response_body", "on_response")):
        if not getattr(marked, whole):
            continue
        if head not in phases:
            raise ScriptError(f"{plan.name} waits for the {whole} without {head}", "name")
        if f"on_{whole}" in phases:
            raise ScriptError(f"{plan.name} wants the {whole} whole and in chunks", "name")
        phases.append(whole)
    return tuple(phases)


def _listed() -> str:
    return f"{', '.join(_METHODS[:-1])} and {_METHODS[-1]}"


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
            told = f"{plan.name} takes no configuration: @http_filter(config=TYPE) says it does"
            raise ScriptError(told, "config")
        return None
    # Imported here: filters without configuration do without.
    import msgspec

    try:
        # Numbers with a point come from YAML as text, as in Envoy.
        return msgspec.convert(tree, kind, strict=False)
    except (msgspec.ValidationError, TypeError) as error:
        raise ScriptError(f"{plan.name} cannot take it: {error}", "config") from None
