"""What a RequestAuthentication must be.

Source: Istio pkg/config/validation/validation.go ValidateRequestAuthentication; CRD rules of
istio/api security/v1beta1/request_authentication.proto; RFC 7517.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from lateen.control.resources.checks.headers import check_strict_name
from lateen.control.resources.checks.selectors import check_attachment
from lateen.control.resources.checks.values import check_duration
from lateen.control.resources.field import Field
from lateen.control.resources.meta import Resource
from lateen.control.resources.request_authentication import JwtRule, RequestAuthentication

_KEY_TYPES = ("RSA", "EC", "OKP", "oct")


def check_request_authentication(resource: Resource[RequestAuthentication], at: Field) -> None:
    """Note what is wrong with it."""
    check_attachment(at, resource.spec)
    for place, rule in (at / "jwtRules").each(resource.spec.jwt_rules):
        _check_rule(place, rule)


def _check_rule(at: Field, rule: JwtRule) -> None:
    at.at_most_one("jwksUri", "jwks")
    if not rule.issuer and not rule.jwks_uri:
        at.error("nobody issues the tokens", "set issuer or jwksUri")
    if rule.jwks_uri:
        _check_uri(at / "jwksUri", rule.jwks_uri)
    if rule.jwks:
        _check_keys(at / "jwks", rule.jwks)
    for place, one in (at / "outputClaimToHeaders").each(rule.output_claim_to_headers):
        check_strict_name(place / "header", one.header)
    check_duration(at / "timeout", rule.timeout)


def _check_uri(at: Field, uri: str) -> None:
    try:
        parts = urlsplit(uri)
        usable = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        at.error(f"{uri!r} is no address of keys", "http://HOST or https://HOST, with a path")


def _check_keys(at: Field, text: str) -> None:
    try:
        written = msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        at.error(f"the keys are no JSON object: {error}", 'as {"keys": [...]}')
        return
    keys = written.get("keys", [written])
    if not isinstance(keys, list) or not all(isinstance(key, Mapping) for key in keys):
        at.error("keys is no list of keys", 'as {"keys": [...]}')
        return
    for index, key in enumerate(keys):
        if key.get("kty") not in _KEY_TYPES:
            at.error(f"key {index} is of no type", f"set kty to one of {', '.join(_KEY_TYPES)}")
        elif "d" in key or key["kty"] == "oct":
            at.warn(f"key {index} is private", "tokens are verified with the public key alone")
