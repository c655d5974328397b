"""What cases of the JWT filter have in common: providers, rules, requests with tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.interop.filters import filtered, route, typed
from tests.interop.model import Case, Differs, Step
from tests.support.client import get
from tests.support.jwt_tokens import jwk, jwks, token
from tests.support.upstream import Script, TlsServer

LOG = "md=%DYNAMIC_METADATA(envoy.filters.http.jwt_authn)%"
VALID = token()


def jwt(fields: str) -> str:
    """The filter."""
    return typed("jwt_authn.v3.JwtAuthentication", fields)


def provider(fields: str = "", keys: str = "", issuer: str = "me") -> str:
    """A provider with these keys, the RSA key if none are given; "" is any issuer."""
    source = f"local_jwks: {{inline_string: '{keys or jwks(jwk('RSA'))}'}}"
    return provider_of(source, fields, issuer)


def provider_of(source: str, fields: str = "", issuer: str = "me") -> str:
    """A provider whose keys come from `source`."""
    issued = f"issuer: {issuer}, " if issuer else ""
    more = f", {fields}" if fields else ""
    return f"{{{issued}{source}{more}}}"


def rule(requires: str = "provider_name: p", match: str = "prefix: /") -> str:
    """One rule."""
    return f"{{match: {{{match}}}, requires: {{{requires}}}}}"


def bearer(text: str, path: str = "/x", headers: str = "") -> bytes:
    """A request with a token where it is looked for by default."""
    return get(path, headers=f"Authorization: Bearer {text}\r\n{headers}")


def judged(
    name: str,
    *steps: Step | bytes,
    of_provider: str = "",
    providers: str = "",
    rules: str = "",
    keys: str = "",
    fields: str = "",
    routes: str = f"[{route()}]",
    clusters: str = "[{name: $be, hosts: [$up]}]",
    upstreams: Mapping[str, Script] | None = None,
    upstream_tls: Mapping[str, TlsServer] | None = None,
    ignore_stats: str = "",
    differs: Differs | None = None,
) -> Case:
    """Requests through the filter; with one provider, `p`, that all of them need, if not told."""
    named = providers or f"p: {provider(of_provider, keys)}"
    rest = f", {fields}" if fields else ""
    case = filtered(
        f"jwt_{name}",
        jwt(f"providers: {{{named}}}, rules: [{rules or rule()}]{rest}"),
        *(steps or (bearer(VALID),)),
        routes=routes,
        log=LOG,
        upstreams=upstreams,
        clusters=clusters,
        ignore_stats=ignore_stats,
    )
    return replace(case, upstream_tls=upstream_tls or {}, differs=differs)
