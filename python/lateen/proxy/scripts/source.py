"""Finds the function or class of a Python filter in its module or file."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from lateen.filters import MARK
from lateen.proxy.script_plan import ScriptError, ScriptPlan

_PACKAGE = "lateen_filter_"


def find(plan: ScriptPlan) -> tuple[object, type | None]:
    """What the plan names, and the type of its configuration.

    Raises:
        ScriptError: the module or file cannot be imported, or has no such filter.
    """
    module = _of_file(plan.file) if plan.file else _of_module(plan.module)
    where = plan.file or plan.module
    found = getattr(module, plan.name, None)
    if found is None:
        known = [name for name, value in vars(module).items() if _is_marked(value)]
        raise ScriptError(f"{where} has no '{plan.name}'{_hint(plan.name, known)}", "name")
    if not _is_marked(found):
        told = f"'{plan.name}' of {where} is no filter: it lacks the decorator @http_filter"
        raise ScriptError(told, "name")
    return found, getattr(found, MARK)


def _is_marked(value: object) -> bool:
    return callable(value) and hasattr(value, MARK)


def _hint(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f" (did you mean '{near[0]}'?)"
    return f" (its filters are {', '.join(sorted(known))})" if known else " (it has no filters)"


def _of_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except BaseException as error:
        raise ScriptError(f"cannot import {name}: {_told(error)}", "module") from None


def _of_file(path: str) -> ModuleType:
    """The module that a file is; the same for the same file.

    It is kept in `sys.modules`, where dataclasses look their annotations up.
    """
    absolute = str(Path(path).resolve())
    name = _PACKAGE + hashlib.sha256(absolute.encode()).hexdigest()[:16]
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, absolute)
    if spec is None or spec.loader is None:
        raise ScriptError(f"{path} is no Python file (NAME.py)", "file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except FileNotFoundError as error:
        del sys.modules[name]
        raise ScriptError(f"cannot read {error.filename or path}", "file") from None
    except BaseException as error:
        del sys.modules[name]
        raise ScriptError(f"cannot import {path}: {_told(error)}", "file") from None
    return module


def _told(error: BaseException) -> str:
    """An error with the line it came from, in one line."""
    said = " ".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    if isinstance(error, SyntaxError):
        return f"{said} ({error.filename}:{error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "importlib" not in frame.filename]
    last = ours[-1] if ours else None
    return f"{said} ({last.filename}:{last.lineno})" if last is not None else said
