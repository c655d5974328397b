"""Who calls, as principals: one function for each attribute."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lateen.control.translate import api
from lateen.control.translate.authz import matching
from lateen.control.translate.authz.matching import NotExpressible

if TYPE_CHECKING:
    from envoy.config.rbac.v3.rbac_pb2 import Principal
    from envoy.type.matcher.v3.string_pb2 import StringMatcher

_SPIFFE = "spiffe://"
_NESTED = re.compile(r"(?:\[[^\[\]]*\])+")


def any_of(principals: Sequence[Principal]) -> Principal:
    """Holds if one of them does."""
    return api.Principal(or_ids=api.Principal.Set(ids=principals))


def all_of(principals: Sequence[Principal]) -> Principal:
    """Holds if all do; none: always."""
    every = principals or [api.Principal(any=True)]
    return api.Principal(and_ids=api.Principal.Set(ids=every))


def none_of(principal: Principal) -> Principal:
    """Holds if it does not."""
    return api.Principal(not_id=principal)


def principal(value: str) -> Principal:
    """The identity of the certificate, without `spiffe://`."""
    return _authenticated(matching.text(value, _SPIFFE))


def namespace(value: str) -> Principal:
    """The namespace of the identity; `*` may stand anywhere."""
    name = ".*".join(matching.quoted(part) for part in value.split("*"))
    return _authenticated(matching.regex(f".*/ns/{name}/.*"))


def service_account(value: str, own_namespace: str) -> Principal:
    """The service account of the identity: `NAMESPACE/NAME`, or `NAME` in the policy's own."""
    where, slash, name = value.partition("/")
    if not slash:
        where, name = own_namespace, value
    path = f"/ns/{matching.quoted(where)}/(.+/|)sa/{matching.quoted(name)}(/.+)?"
    return _authenticated(matching.regex(f"{_SPIFFE}.+{path}"))


def trust_domain(value: str) -> Principal:
    """The trust domain of the identity."""
    if value == "*":
        return _authenticated(api.StringMatcher(prefix=_SPIFFE))
    if "*" not in value:
        return _authenticated(api.StringMatcher(prefix=f"{_SPIFFE}{value}/"))
    start, _, end = value.partition("*")
    name = f"{matching.quoted(start)}[^/]*{matching.quoted(end)}"
    return _authenticated(matching.regex(f"{_SPIFFE}{name}/.*"))


def direct_address(value: str) -> Principal:
    """The address of the connection."""
    return api.Principal(direct_remote_ip=matching.cidr(value))


def remote_address(value: str) -> Principal:
    """The address of the client, as `x-forwarded-for` or the PROXY header tells."""
    return api.Principal(remote_ip=matching.cidr(value))


def request_header(key: str, value: str) -> Principal:
    """A header of the request: `request.headers[NAME]`.

    Raises:
        NotExpressible: the key has another form.
    """
    return api.Principal(header=matching.header(_in_brackets(key), value))


def request_principal(value: str) -> Principal:
    """The issuer and subject of the token: `ISSUER/SUBJECT`."""
    issuer, subject = _issuer_and_subject(value)
    both = (matching.claim("iss", issuer), matching.claim("sub", subject))
    return all_of([api.Principal(metadata=one) for one in both])


def request_principals(values: Sequence[str]) -> Principal:
    """The issuer and subject of the token, which may be one of several."""
    each = [request_principal(value) for value in values]
    return each[0] if len(each) == 1 else any_of(each)


def token_claim(names: Sequence[str], values: Sequence[str]) -> Principal:
    """A claim of the token."""
    return api.Principal(metadata=matching.claims(names, values))


def claim_of_key(key: str, values: Sequence[str]) -> Principal:
    """A claim of the token: `request.auth.claims[NAME]`, or nested ones in brackets of their own.

    Raises:
        NotExpressible: the key has another form.
    """
    brackets = key.removeprefix("request.auth.claims")
    if _NESTED.fullmatch(brackets):
        return token_claim(brackets[1:-1].split("]["), values)
    return token_claim([_in_brackets(key)], values)


def _issuer_and_subject(value: str) -> tuple[StringMatcher, StringMatcher]:
    """An issuer may be an URL: the last slash is where the subject begins."""
    anything = matching.text("*")
    issuer, slash, subject = value.rpartition("/")
    if value == "*":
        return anything, anything
    if value.startswith("*"):
        if not slash:
            return anything, matching.text(value)
        return matching.text(issuer), api.StringMatcher(exact=subject)
    if value.endswith("*"):
        if not slash:
            return matching.text(value), anything
        return api.StringMatcher(exact=issuer), matching.text(subject)
    if not slash:
        issuer, subject = value, ""
    return api.StringMatcher(exact=issuer), api.StringMatcher(exact=subject)


def _in_brackets(key: str) -> str:
    _, bracket, name = key.partition("[")
    if not bracket or not name.endswith("]"):
        raise NotExpressible(f"{key!r} has no name in brackets")
    return name.removesuffix("]")


def _authenticated(name: StringMatcher) -> Principal:
    return api.Principal(authenticated=api.Principal.Authenticated(principal_name=name))
