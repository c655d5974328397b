"""Configurations of the JWT filter whose verdict by `--mode validate` is compared."""

from __future__ import annotations

import json

from tests.interop.verdicts import ROUTER, Verdict, with_manager
from tests.support.jwt_tokens import certificate, jwk, jwks, unpadded

_TYPE = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3"
_RSA = jwk("RSA")
_SMALL = {**_RSA, "n": unpadded(b"\xe7" * 128)}
_EVEN = {**_RSA, "n": unpadded(b"\xe6" * 256)}
_NO_CERTIFICATE = "-----BEGIN CERTIFICATE-----\\nAA\\n-----END CERTIFICATE-----\\n"
_P = "provider_name: p"


def with_jwt(name: str, fields: str, differs: str = "") -> Verdict:
    """A filter."""
    filter_ = f'{{name: jwt, typed_config: {{"@type": {_TYPE}.JwtAuthentication, {fields}}}}}'
    verdict = with_manager(f"jwt_{name}", filters=f"[{filter_}, {ROUTER[1:]}")
    return Verdict(verdict.name, verdict.text, differs)


def with_provider(name: str, fields: str, differs: str = "") -> Verdict:
    """A provider."""
    return with_jwt(name, f"providers: {{p: {{{fields}}}}}", differs)


def with_keys(name: str, keys: str, differs: str = "") -> Verdict:
    """Local keys."""
    return with_provider(name, f"local_jwks: {{inline_string: '{keys}'}}", differs)


def with_more(name: str, fields: str) -> Verdict:
    """A provider with more fields."""
    return with_provider(name, f"local_jwks: {{inline_string: '{jwks(_RSA)}'}}, {fields}")


def with_rule(name: str, rule: str, more: str = "") -> Verdict:
    """A rule, and a provider."""
    provider = f"providers: {{p: {{local_jwks: {{inline_string: '{jwks(_RSA)}'}}}}}}"
    return with_jwt(name, f"{provider}, rules: [{rule}]{more}")


def with_remote(
    name: str, uri: str = "uri: 'http://a/b'", cluster: str = "be", more: str = ""
) -> Verdict:
    """Remote keys."""
    source = f"http_uri: {{{uri}, cluster: {cluster}, timeout: 1s}}{more}"
    return with_provider(name, f"remote_jwks: {{{source}}}")


VERDICTS = (
    with_jwt("empty", "bypass_cors_preflight: false"),
    with_keys("keys", jwks()),
    with_keys("keys_empty", ""),
    with_keys("keys_nonsense", "x"),
    with_keys("keys_missing", "{}"),
    with_keys("keys_none", '{"keys": []}'),
    with_keys("keys_no_list", '{"keys": {}}'),
    with_keys("keys_all_bad", '{"keys": [{"kty": "RSA"}, 1]}'),
    with_keys("keys_one_good", jwks({"kty": "no"}, _RSA)),
    with_keys("keys_alg_of_another", jwks({**_RSA, "alg": "HS256"})),
    with_keys("keys_curve", jwks({**jwk("EC"), "crv": "P-384"})),
    with_keys("keys_secret_empty", jwks({"kty": "oct", "k": ""})),
    with_keys("keys_rsa_1024", jwks(_SMALL), "RFC 7518 asks for RSA keys of 2048 bits at least"),
    with_keys("keys_rsa_even", jwks(_EVEN)),
    with_keys("keys_rsa_exponent", jwks({**_RSA, "e": "Ag"})),
    with_keys("keys_of_certificate", json.dumps({"a": certificate("RSA")})),
    with_keys("keys_of_ec_certificate", json.dumps({"a": certificate("EC")})),
    with_keys("keys_no_certificate", f'{{"a": "{_NO_CERTIFICATE}"}}'),
    with_provider("no_keys", "issuer: a"),
    with_provider("file_missing", "local_jwks: {filename: /no/such/file}"),
    with_provider("variable_missing", "local_jwks: {environment_variable: NO_SUCH_VARIABLE}"),
    with_more("audiences", "audiences: [a]"),
    with_more("header_name_bad", "from_headers: [{name: 'a b'}]"),
    with_more("header_name_empty", "from_headers: [{value_prefix: a}]"),
    with_more("payload_header_bad", "forward_payload_header: 'a b'"),
    with_more("claim_without_name", "claim_to_headers: [{header_name: a}]"),
    with_more(
        "claim_name_and_path",
        "claim_to_headers: [{header_name: a, claim_name: b, claim_path: [{key: c}]}]",
    ),
    with_more("claim_path_empty", "claim_to_headers: [{header_name: a, claim_path: [{key: ''}]}]"),
    with_more("claim_header_empty", "claim_to_headers: [{claim_name: a}]"),
    with_more("subjects_bad", "subjects: {safe_regex: {regex: '('}}"),
    with_more("lifetime_negative", "max_lifetime: -1s"),
    with_more("lifetime_zero", "max_lifetime: 0s"),
    with_rule("rule", f"{{match: {{prefix: /}}, requires: {{{_P}}}}}"),
    with_rule("rule_without_match", f"{{requires: {{{_P}}}}}"),
    with_rule("rule_without_path", f"{{match: {{headers: [{{name: a}}]}}, requires: {{{_P}}}}}"),
    with_rule("rule_unknown_provider", "{match: {prefix: /}, requires: {provider_name: q}}"),
    with_rule(
        "rule_unknown_audiences",
        "{match: {prefix: /}, requires: {provider_and_audiences: {provider_name: q}}}",
    ),
    with_rule(
        "rule_any_of_one",
        f"{{match: {{prefix: /}}, requires: {{requires_any: {{requirements: [{{{_P}}}]}}}}}}",
    ),
    with_rule(
        "rule_all_of_one",
        f"{{match: {{prefix: /}}, requires: {{requires_all: {{requirements: [{{{_P}}}]}}}}}}",
    ),
    with_rule(
        "rule_name",
        "{match: {prefix: /}, requirement_name: a}",
        f", requirement_map: {{a: {{{_P}}}}}",
    ),
    with_rule(
        "rule_name_unknown",
        "{match: {prefix: /}, requirement_name: b}",
        f", requirement_map: {{a: {{{_P}}}}}",
    ),
    with_rule(
        "map_unknown_provider", "{match: {prefix: /}}", ", requirement_map: {a: {provider_name: q}}"
    ),
    with_rule(
        "filter_state",
        "{match: {prefix: /}}",
        f", filter_state_rules: {{name: a, requires: {{b: {{{_P}}}}}}}",
    ),
    with_rule(
        "filter_state_unknown",
        "{match: {prefix: /}}",
        ", filter_state_rules: {name: a, requires: {b: {provider_name: q}}}",
    ),
    with_rule(
        "filter_state_nameless", "{match: {prefix: /}}", ", filter_state_rules: {requires: {}}"
    ),
    with_remote("remote"),
    with_remote("remote_no_uri", uri="uri: ''"),
    with_remote("remote_bare_host", uri="uri: a"),
    with_remote("remote_path", uri="uri: /a/b"),
    with_remote("remote_no_scheme", uri="uri: 'a/b'"),
    with_remote("remote_no_host", uri="uri: 'http:///b'"),
    with_remote("remote_other_scheme", uri="uri: 'x://a/b'"),
    with_remote("remote_bad_port", uri="uri: 'http://a:x/b'"),
    with_remote("remote_unknown_cluster", cluster="nobody"),
    with_remote("remote_no_cluster", cluster="''"),
    with_remote("remote_cache_zero", more=", cache_duration: 0s"),
    with_remote("remote_cache_long", more=", cache_duration: 8000000000s"),
    with_remote(
        "remote_backoff",
        more=", retry_policy: {retry_back_off: {base_interval: 2s, max_interval: 1s}}",
    ),
    with_remote(
        "remote_ahead", more=", async_fetch: {fast_listener: true, failed_refetch_duration: 2s}"
    ),
    with_provider("remote_without_uri", "remote_jwks: {cache_duration: 1s}"),
)
