"""Asks a running control plane for its pages."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from lateen.control.addresses import ServeError, split_address

_PATIENCE_S = 10.0


class AskError(Exception):
    """A control plane does not answer as it should; the message says which and what to do."""


def ask(monitoring: str, path: str, parameters: Mapping[str, str] | None = None) -> object:
    """What a page of JSON says.

    Args:
        monitoring: `HOST:PORT`, the `--monitoring-address` of the control plane.

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
        return json.loads(body)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise AskError(
            f"no control plane answers at {monitoring}: {error} (is `lateen control` running with "
            "this --monitoring-address?)"
        ) from None
    finally:
        connection.close()
