"""RequestAuthentication as a filter that verifies tokens.

A request without a token passes; one with a token that is not valid does not. What a token must
say, authorization policies decide.

Source: pilot/pkg/security/authn/policy_applier.go convertToEnvoyJwtConfig.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lateen.control.mesh import Mesh
from lateen.control.resources.request_authentication import JwtRule
from lateen.control.translate import api, names
from lateen.control.translate.values import duration

if TYPE_CHECKING:
    from envoy.extensions.filters.http.jwt_authn.v3.config_pb2 import JwtProvider, JwtRequirement
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )

_NAME = "envoy.filters.http.jwt_authn"
_PAYLOAD = "payload"
_TIMEOUT_S = 5.0
_KEPT_S = 300.0
_SPACE_DELIMITED = ("permission", "scope")
_PORTS = {"http": 80, "https": 443}


def jwt_filter(mesh: Mesh, rules: Sequence[JwtRule]) -> hcm.HttpFilter | None:
    """The filter; None: no token is looked at."""
    if not rules:
        return None
    made = api.JwtAuthentication(bypass_cors_preflight=True)
    each: list[JwtRequirement] = []
    for number, rule in enumerate(rules):
        name = f"origins-{number}"
        made.providers[name].CopyFrom(_provider(mesh, rule))
        each.append(api.JwtRequirement(provider_name=name))
    required = made.rules.add()
    required.match.prefix = "/"
    required.requires.CopyFrom(_required(each))
    return api.HttpFilter(name=_NAME, typed_config=api.packed(made))


def _required(each: Sequence[JwtRequirement]) -> JwtRequirement:
    """One valid token, or for each provider a valid one or none."""
    optional = [_any_of([one, _missing()]) for one in each]
    if len(optional) == 1:
        return optional[0]
    together = api.JwtRequirementAndList(requirements=optional)
    return _any_of([*each, api.JwtRequirement(requires_all=together)])


def _any_of(each: Sequence[JwtRequirement]) -> JwtRequirement:
    return api.JwtRequirement(requires_any=api.JwtRequirementOrList(requirements=each))


def _missing() -> JwtRequirement:
    made = api.JwtRequirement()
    made.allow_missing.SetInParent()
    return made


def _provider(mesh: Mesh, rule: JwtRule) -> JwtProvider:
    made = api.JwtProvider(
        issuer=rule.issuer,
        audiences=rule.audiences,
        forward=rule.forward_original_token,
        forward_payload_header=rule.output_payload_to_header,
        payload_in_metadata=_PAYLOAD,
        from_params=rule.from_params,
        from_cookies=rule.from_cookies,
    )
    claims = sorted({*_SPACE_DELIMITED, *rule.space_delimited_claims})
    made.normalize_payload_in_metadata.space_delimited_claims.extend(claims)
    for header in rule.from_headers:
        made.from_headers.add(name=header.name, value_prefix=header.prefix)
    for claim in rule.output_claim_to_headers:
        made.claim_to_headers.add(header_name=claim.header, claim_name=claim.claim)
    if rule.jwks:
        made.local_jwks.inline_string = rule.jwks
    else:
        _fetch(made, mesh, rule)
    return made


def _fetch(made: JwtProvider, mesh: Mesh, rule: JwtRule) -> None:
    """Let the proxy fetch the keys through the cluster of their host."""
    url = urlsplit(rule.jwks_uri)
    port = url.port or _PORTS.get(url.scheme, 0)
    uri = made.remote_jwks.http_uri
    uri.uri = rule.jwks_uri
    uri.cluster = names.outbound(port, "", url.hostname or "")
    uri.timeout.CopyFrom(duration(rule.timeout or _TIMEOUT_S))
    made.remote_jwks.cache_duration.CopyFrom(duration(_KEPT_S))
