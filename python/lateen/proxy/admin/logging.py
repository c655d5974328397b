"""/logging."""

from __future__ import annotations

from http import HTTPStatus

from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.exchange import AdminRequest, AdminResponse
from lateen.proxy.log.levels import Level

_USAGE = """
usage: /logging?<name>=<level> (change single level)
usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)
usage: /logging?level=<level> (change all levels)
usage: /logging?group=<group_name>:<level> (change group of loggers)
levels: trace debug info warning error critical off 
"""  # noqa: W291


class _ChangeError(Exception):
    """The levels cannot be changed so."""


def logging(context: AdminContext, request: AdminRequest) -> AdminResponse:
    """Changes levels as the query says; the answer lists them."""
    error = ""
    try:
        changes = _changes(context, dict(request.query))
    except _ChangeError as problem:
        error = f"error: {problem}\n{_USAGE}"
        changes = {}
    for component, level in changes.items():
        context.log.set_level(component, level)
    levels = context.log.levels().items()
    listed = "".join(f"  {name}: {level.label}\n" for name, level in levels)
    status = HTTPStatus.BAD_REQUEST if error else HTTPStatus.OK
    return AdminResponse(f"{error}active loggers:\n{listed}\n", status)


def _changes(context: AdminContext, query: dict[str, str]) -> dict[str, Level]:
    """The new level of each component; "" stands for all."""
    if not query:
        return {}
    if len(query) > 1:
        # The form of the home page sends all of its fields, empty ones too.
        query = {name: value for name, value in query.items() if value}
        if len(query) != 1:
            raise _ChangeError("invalid number of parameters")
    name, value = next(iter(query.items()))
    if name == "group":
        raise _ChangeError("group parameter requires fine-grain logging to be enabled")
    if name in ("level", "paths") and not value:
        return {}
    if name == "level":
        return {"": _level(value)}
    if name == "paths":
        return dict(_path(context, path) for path in value.split(","))
    return dict([_checked(context, name, value)])


def _path(context: AdminContext, path: str) -> tuple[str, Level]:
    name, _, level = path.partition(":")
    if not name or not level:
        raise _ChangeError("empty logger name or empty logger level")
    return _checked(context, name, level)


def _checked(context: AdminContext, name: str, level: str) -> tuple[str, Level]:
    parsed = _level(level)
    if name not in context.log.levels():
        raise _ChangeError("unknown logger name")
    return name, parsed


def _level(text: str) -> Level:
    for level in Level:
        if level.label == text:
            return level
    raise _ChangeError("unknown logger level")
