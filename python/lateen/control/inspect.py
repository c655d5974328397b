"""Asks a running control plane for its pages."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec

from lateen.control.addresses import ServeError, split_address

_PATIENCE_S = 10.0
Page = TypeVar("Page")


class AskError(Exception):
    """A control plane does not answer as it should; the message says which and what to do."""


def ask(
    monitoring: str, path: str, kind: type[Page], parameters: Mapping[str, str] | None = None
) -> Page:
    """What a page of JSON says.

    Args:
        monitoring: `HOST:PORT`, the `--monitoring-address` of the control plane.
        kind: what it is.

    Raises:
        AskError: nobody answers there, or something else does.
    """
    try:
        host, port = split_address(monitoring)
    except ServeError as error:
        raise AskError(str(error)) from None
    query = f"?{urlencode(parameters, quote_via=quote)}" if parameters else ""
    connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", f"{path}{query}")
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise AskError(f"{monitoring}{path}: {answer.status}: {body.decode(errors='replace')}")
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise AskError(f"{monitoring}{path} is no page of a control plane: {error}") from None
    except (OSError, http.client.HTTPException) as error:
        raise AskError(
            f"no control plane answers at {monitoring}: {error} (is `lateen control` running with "
            "this --monitoring-address?)"
        ) from None
    finally:
        connection.close()
