"""Finds the function or class of a Python filter in its module or file."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from lateen.filters import MARK, Marked
from lateen.proxy.compile.digest import digest
from lateen.proxy.script_plan import ScriptError, ScriptPlan

_OF_FILE = "lateen_filter_"


def find(plan: ScriptPlan, *, again: bool = False) -> tuple[object, Marked]:
    """What the plan names, and what its decorator was told.

    Args:
        again: import its module or package anew; if that fails, the old one stays.

    Raises:
        ScriptError: the module or file cannot be imported, or has no such filter.
    """
    if plan.given is not None:
        return _marked(plan, plan.given)
    name = module_name(plan)
    if again:
        with _anew(name.partition(".")[0]):
            module = _import(plan, name)
    else:
        module = _import(plan, name)
    found = getattr(module, plan.name, None)
    if found is None:
        known = [name for name, value in vars(module).items() if _is_marked(value)]
        raise ScriptError(f"{plan.where} has no '{plan.name}'{_hint(plan.name, known)}", "name")
    return _marked(plan, found)


def _marked(plan: ScriptPlan, found: object) -> tuple[object, Marked]:
    marked = getattr(found, MARK, None)
    if not isinstance(marked, Marked):
        told = f"'{plan.name}' of {plan.where} is no filter: it lacks the decorator @http_filter"
        raise ScriptError(told, "name")
    return found, marked


def module_name(plan: ScriptPlan) -> str:
    """What the plan's module is called in `sys.modules`, where dataclasses look it up."""
    if not plan.file:
        return plan.module
    absolute = str(Path(plan.file).resolve())
    return _OF_FILE + digest(absolute.encode()).hex()


def directories(plan: ScriptPlan) -> tuple[str, ...]:
    """Where a change of a `.py` file may change the filter: of its file, or its whole package.

    Nowhere for a filter that was given itself.
    """
    if plan.given is not None:
        return ()
    if plan.file:
        return (os.path.dirname(os.path.abspath(plan.file)),)
    top = sys.modules.get(plan.module.partition(".")[0])
    roots = list(getattr(top, "__path__", ()))
    if roots:
        return tuple(
            directory
            for root in roots
            for directory, _, _ in os.walk(root)
            if not directory.endswith("__pycache__")
        )
    file = getattr(top, "__file__", None)
    return (os.path.dirname(os.path.abspath(file)),) if file else ()


def is_changed_by(plan: ScriptPlan, file: str) -> bool:
    """Whether the plan's filter may be another once this file was written."""
    if plan.file:
        return os.path.abspath(plan.file) == file
    return file.endswith(".py") and os.path.dirname(file) in directories(plan)


def _is_marked(value: object) -> bool:
    return callable(value) and hasattr(value, MARK)


def _hint(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f" (did you mean '{near[0]}'?)"
    return f" (its filters are {', '.join(sorted(known))})" if known else " (it has no filters)"


@contextmanager
def _anew(top: str) -> Iterator[None]:
    """Forget a module and what is in it for the block; an error brings the old ones back."""
    old = {name: module for name, module in sys.modules.items() if _is_in(name, top)}
    for name in old:
        del sys.modules[name]
    importlib.invalidate_caches()
    try:
        yield
    except BaseException:
        for name in [name for name in sys.modules if _is_in(name, top)]:
            del sys.modules[name]
        sys.modules.update(old)
        raise


def _is_in(name: str, top: str) -> bool:
    return name == top or name.startswith(f"{top}.")


def _import(plan: ScriptPlan, name: str) -> ModuleType:
    field = "file" if plan.file else "module"
    # What is kept of a file is told from a new one by the second and the length alone.
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        if name in sys.modules or not plan.file:
            return importlib.import_module(name)
        return _of_file(name, plan.file)
    except ScriptError:
        raise
    except FileNotFoundError as error:
        raise ScriptError(f"cannot read {error.filename or plan.where}", field) from None
    except BaseException as error:
        sys.modules.pop(name, None)
        raise ScriptError(f"cannot import {plan.where}: {_told(error)}", field) from None
    finally:
        sys.dont_write_bytecode = writes


def _of_file(name: str, path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, os.path.abspath(path))
    if spec is None or spec.loader is None:
        raise ScriptError(f"{path} is no Python file (NAME.py)", "file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _told(error: BaseException) -> str:
    """An error with the lines that led to it, the last one first, in one line."""
    said = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1].strip()
    frames = [
        f"{frame.filename}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and "importlib" not in frame.filename
    ]
    if isinstance(error, SyntaxError):
        frames.append(f"{error.filename}:{error.lineno}")
    return f"{said} ({', from '.join(reversed(frames))})" if frames else said
