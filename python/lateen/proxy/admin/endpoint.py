"""What an endpoint is: a path, what it does and how it is described in /help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.proxy.admin.exchange import AdminRequest, AdminResponse

if TYPE_CHECKING:
    from lateen.proxy.admin.context import AdminContext

Handler = Callable[["AdminContext", AdminRequest], AdminResponse]


@dataclass(frozen=True)
class Parameter:
    """A query parameter: its choices when it has some; a switch has neither text nor choices."""

    name: str
    help: str
    choices: tuple[str, ...] = ()
    switch: bool = False


@dataclass(frozen=True)
class Endpoint:
    """One path of the admin listener; `mutates`: POST is required."""

    path: str
    help: str
    handler: Handler
    mutates: bool = False
    parameters: tuple[Parameter, ...] = ()
