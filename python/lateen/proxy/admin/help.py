"""/help, and what an unknown path is answered."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from lateen.proxy.admin.endpoint import Endpoint
from lateen.proxy.admin.exchange import AdminResponse


def help_text(endpoints: Sequence[Endpoint]) -> str:
    """The list of endpoints with their parameters."""
    lines = ["admin commands are:"]
    for endpoint in sorted(endpoints, key=lambda each: each.path):
        post = " (POST)" if endpoint.mutates else ""
        lines.append(f"  {endpoint.path}{post}: {endpoint.help}")
        for parameter in endpoint.parameters:
            choices = f"; One of ({', '.join(parameter.choices)})" if parameter.choices else ""
            lines.append(f"      {parameter.name}: {parameter.help}{choices}")
    return "\n".join(lines) + "\n"


def not_found(endpoints: Sequence[Endpoint]) -> AdminResponse:
    """The answer to an unknown path."""
    return AdminResponse(f"invalid path. {help_text(endpoints)}", HTTPStatus.NOT_FOUND)
