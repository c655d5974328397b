"""Names of headers, and values that may hold command operators.

Source: Istio pkg/config/validation/validation.go, header_value_validator.go (Envoy's
source/common/router/header_parser.cc); RFC 9110 section 5.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lateen.control.resources.field import Field
from lateen.control.resources.virtual_service import HeaderOperations, Headers

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~A-Za-z0-9]+")
_STRICT_NAME = re.compile(r"[-_A-Za-z0-9]+")
_PSEUDO = frozenset((":method", ":scheme", ":authority", ":path", ":status"))
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_CLAIM = "@request.auth.claims"
# `%%`, an operator (a name, perhaps arguments in brackets, and what may follow them), or text.
_VALUE = re.compile(r"(?:%%|%[^%(]*(?:\((?:\\.|[^)\\])*\)[ ]*)?%|[^%])*+", re.DOTALL)


def is_claim(name: str) -> bool:
    """Whether a match's header is a claim of a JSON web token (`@request.auth.claims...`)."""
    if not name.lower().startswith(_CLAIM):
        return False
    rest = name[len(_CLAIM) :]
    dotted = rest.startswith(".") and len(rest) > 1
    return dotted or (rest.startswith("[") and rest.endswith("]") and len(rest) > 2)


def is_authority(name: str) -> bool:
    """Whether it is the header that names the host."""
    return name.lower() in (":authority", "host")


def check_matched_name(at: Field, name: str) -> None:
    """Note what is no header, pseudo header or claim."""
    if not name:
        at.error("a header without a name", "remove it")
    elif not is_claim(name) and name not in _PSEUDO and not _NAME.fullmatch(name):
        at.error(f"{name!r} is no name of a header", "letters, digits and - as x-user")


def check_strict_name(at: Field, name: str) -> None:
    """Note what is no header that claims are copied to."""
    if not _STRICT_NAME.fullmatch(name):
        at.error(f"{name!r} is no name of a header", "letters, digits, - and _")


def check_cors_name(at: Field, name: str) -> None:
    """Note what is no header of a CORS policy; `*` is any."""
    if name != "*" and not _NAME.fullmatch(name):
        at.error(f"{name!r} is no name of a header", "letters, digits and - as x-user, or *")


def check_headers(at: Field, headers: Headers) -> None:
    """Note changes to headers that Envoy does not take."""
    _check_operations(at / "request", headers.request, authority=True)
    _check_operations(at / "response", headers.response, authority=False)


def _check_operations(at: Field, operations: HeaderOperations, *, authority: bool) -> None:
    _check_values(at / "add", operations.add, authority=authority)
    _check_values(at / "set", operations.set, authority=authority)
    for place, name in (at / "remove").each(operations.remove):
        _check_changed_name(place, name, authority=False)


def _check_values(at: Field, values: Mapping[str, str], *, authority: bool) -> None:
    for place, name, value in at.entries(values):
        _check_changed_name(place, name, authority=authority)
        if _CONTROL.search(value):
            place.error("the value has control characters", "remove them")
        elif not _VALUE.fullmatch(value):
            place.error(f"{value!r}: an operator does not end", "write %% for a percent sign")


def _check_changed_name(at: Field, name: str, *, authority: bool) -> None:
    if not name:
        at.error("a header without a name", "remove it")
    elif (name.startswith(":") or name.lower() == "host") and not (
        authority and is_authority(name)
    ):
        at.error(f"{name} cannot be changed here", "a rewrite of the authority changes the host")
