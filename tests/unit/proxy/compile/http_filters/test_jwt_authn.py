import pytest

from lateen.protos.worker_pb2 import FilterOverride
from lateen.proxy.compile.http_filters.jwt_authn import (
    compile_jwt_authn,
    compile_jwt_authn_override,
)
from tests.support.messages import OWNER, context, errors, message, unsupported

_PACKAGE = "extensions.filters.http.jwt_authn.v3"
TWO = """
providers:
  q: {local_jwks: {inline_string: "{}"}}
  p: {local_jwks: {inline_string: "{}"}}
"""


def source(text):
    return message(f"{_PACKAGE}.JwtAuthentication", text)


def compiled(text, ctx=None):
    return compile_jwt_authn(ctx or context(), source(text), OWNER, "f").jwt_authn


def required(text, ctx=None):
    """What a rule's requirement compiles to."""
    rule = f"rules: [{{match: {{prefix: /}}, requires: {{{text}}}}}]"
    return compiled(TWO + rule, ctx).rules[0].requirement


def provider(text, ctx=None):
    fields = f", {text}" if text else ""
    given = f"providers: {{p: {{local_jwks: {{inline_string: keys}}{fields}}}}}"
    return compiled(given, ctx).providers[0]


def remote(text, ctx=None, uri="http://keys.test:81/a/b?c"):
    http = f"http_uri: {{uri: '{uri}', cluster: c, timeout: 2s}}"
    more = f", {text}" if text else ""
    given = f"providers: {{p: {{remote_jwks: {{{http}{more}}}}}}}"
    return compiled(given, ctx).providers[0].remote


def test_stats_are_below_the_connection_manager():
    ctx = context()
    assert ctx.blocks[compiled("", ctx).stats_block].prefix == "http.web.jwt_authn"
    given = compiled("stat_prefix: sp", ctx)
    assert ctx.blocks[given.stats_block].prefix == "http.web.jwt_authn.sp"


def test_what_a_provider_does_not_say_is_filled_in():
    made = provider("")
    assert (made.name, made.local, made.clock_skew_s) == ("p", b"keys", 60)
    assert [(h.name, h.value_prefix) for h in made.headers] == [("authorization", "Bearer ")]
    assert list(made.parameters) == ["access_token"]
    assert (made.counts_cached_tokens, made.HasField("max_lifetime_ms")) == (False, False)
    assert (made.cached_tokens, made.longest_cached_token) == (100, 4096)
    made = provider("jwt_cache_config: {}")
    assert made.counts_cached_tokens
    assert (made.cached_tokens, made.longest_cached_token) == (100, 4096)


def test_what_a_provider_says():
    made = provider("""
        issuer: i, audiences: [a], subjects: {prefix: s}, max_lifetime: 1.5s,
        require_expiration: true, clock_skew_seconds: 5, forward: true,
        from_headers: [{name: X-A, value_prefix: b}], from_cookies: [c],
        forward_payload_header: X-P, pad_forward_payload_header: true,
        payload_in_metadata: pm, header_in_metadata: hm, failed_status_in_metadata: fm,
        normalize_payload_in_metadata: {space_delimited_claims: [scope]},
        jwt_cache_config: {jwt_cache_size: 2, jwt_max_token_size: 3}, clear_route_cache: true,
        claim_to_headers: [{header_name: X-C, claim_name: a.b},
                           {header_name: x-d, claim_path: [{key: a.b}, {key: c}]}]
    """)
    assert (made.issuer, list(made.audiences), made.subjects.prefix) == ("i", ["a"], "s")
    assert (made.max_lifetime_ms, made.require_expiration, made.clock_skew_s) == (1500, True, 5)
    assert [(h.name, h.value_prefix) for h in made.headers] == [("x-a", "b")]
    assert (list(made.parameters), list(made.cookies)) == ([], ["c"])
    assert (made.payload_header, made.pads_payload_header, made.forward) == ("x-p", True, True)
    assert (made.payload_key, made.header_key, made.failure_key) == ("pm", "hm", "fm")
    assert list(made.space_delimited_claims) == ["scope"]
    assert (made.cached_tokens, made.longest_cached_token) == (2, 3)
    assert made.clear_route_cache
    assert [(c.header, list(c.path)) for c in made.claim_headers] == [
        ("x-c", ["a", "b"]),
        ("x-d", ["a.b", "c"]),
    ]


def test_local_keys_of_files_and_variables():
    ctx = context(files={"/keys": b"of a file"}, environment={"KEYS": "of a variable"})
    given = """
    providers:
      a: {local_jwks: {filename: /keys}}
      b: {local_jwks: {environment_variable: KEYS}}
    """
    assert [made.local for made in compiled(given, ctx).providers] == [
        b"of a file",
        b"of a variable",
    ]
    compiled("providers: {a: {local_jwks: {filename: /none}}}", ctx)
    (report,) = errors(ctx)
    assert report.startswith('f.providers["a"].local_jwks.filename')


@pytest.mark.parametrize("claim", ["", ", claim_name: b, claim_path: [{key: c}]"])
def test_a_claim_has_either_a_name_or_a_path(claim):
    ctx = context()
    provider(f"claim_to_headers: [{{header_name: a{claim}}}]", ctx)
    (report,) = errors(ctx)
    assert "exactly one of claim_name and claim_path" in report


def test_remote_keys():
    made = remote("")
    assert (made.scheme, made.authority, made.path) == ("http", "keys.test:81", "/a/b?c")
    assert (made.client.cluster, made.client.timeout_ms) == ("c", 2000)
    assert (made.client.internal, made.client.forwarded_for) == (True, True)
    assert (made.cache_duration_ms, made.HasField("refetch_after_failure_ms")) == (600_000, False)
    made = remote(
        "cache_duration: 1.5s, async_fetch: {}, retry_policy: {num_retries: 2}", uri="https://a"
    )
    assert (made.scheme, made.path, made.cache_duration_ms) == ("https", "/", 1500)
    assert made.refetch_after_failure_ms == 1000
    policy = made.client.retry_policy
    assert list(policy.retry_on) == ["5xx", "gateway-error", "connect-failure", "reset"]
    made = remote("async_fetch: {failed_refetch_duration: 0.2s, fast_listener: true}")
    assert made.refetch_after_failure_ms == 200


@pytest.mark.parametrize("uri", ["a", "/a/b", "a/b", "http:///b", "http://a:x/b"])
def test_a_uri_has_a_scheme_and_a_host(uri):
    ctx = context()
    remote("", ctx, uri)
    (report,) = errors(ctx)
    assert report.endswith(f"Provider 'p' has an invalid URI: '{uri}'")


def test_keys_are_not_kept_for_longer_than_can_be_counted():
    ctx = context()
    remote("cache_duration: 4611686019s", ctx)
    (report,) = errors(ctx)
    assert ".cache_duration: " in report


def test_requirements():
    assert required("provider_name: p").provider.name == "p"
    given = required("provider_and_audiences: {provider_name: q, audiences: [a]}").provider
    assert (given.name, list(given.audiences)) == ("q", ["a"])
    assert required("").WhichOneof("kind") is None
    all_ = required("requires_all: {requirements: [{provider_name: p}, {}]}").all
    assert len(all_.requirements) == 2
    assert required("allow_missing: {}").of_any_provider.allow_failed is False
    assert required("allow_missing_or_failed: {}").of_any_provider.allow_failed
    extract = required("extract_only_without_validation: {}").of_any_provider
    assert (extract.allow_failed, extract.failure_header) == (True, "x-jwt-signature-verified")
    header = "extract_only_without_validation: {verification_status_header: X-Ok}"
    assert required(header).of_any_provider.failure_header == "x-ok"


def test_what_may_be_missing_or_fail_is_no_requirement_beside_others():
    given = "{provider_name: p}, {allow_missing: {}}, {provider_name: q}"
    any_ = required(f"requires_any: {{requirements: [{given}]}}").any
    assert [each.provider.name for each in any_.requirements] == ["p", "q"]
    assert (any_.allow_missing, any_.allow_failed) == (True, False)
    either = "requires_any: {requirements: [{allow_missing: {}}, {%s: {}}]}"
    alone = required(either % "allow_missing")
    assert (alone.WhichOneof("kind"), alone.of_any_provider.allow_failed) == (
        "of_any_provider",
        False,
    )
    assert required(either % "allow_missing_or_failed").of_any_provider.allow_failed


@pytest.mark.parametrize(
    "text",
    ["provider_name: z", "provider_and_audiences: {provider_name: z}"],
)
def test_a_provider_must_exist(text):
    ctx = context()
    required(f"requires_all: {{requirements: [{{}}, {{{text}}}]}}", ctx)
    (report,) = errors(ctx)
    assert report.startswith("f.rules[0].requires.requires_all.requirements[1].")
    assert report.endswith("Required provider ['z'] is not configured.")


def test_requirements_by_name():
    text = TWO + "requirement_map: {b: {provider_name: q}, a: {provider_name: p}}\n"
    rule = "rules: [{match: {prefix: /}, requirement_name: %s}, {match: {prefix: /a}}]"
    made = compiled(text + rule % "b")
    assert made.rules[0].requirement.provider.name == "q"
    assert not made.rules[1].HasField("requirement")
    assert [named.name for named in made.requirements] == ["a", "b"]
    ctx = context()
    compiled(text + rule % "c", ctx)
    (report,) = errors(ctx)
    assert report.endswith("Wrong requirement_name: c. It should be one of [a,b]")


def test_requirements_by_filter_state():
    rules = "filter_state_rules: {name: key, requires: {a: {provider_name: p}}}"
    made = compiled(TWO + rules)
    assert made.filter_state_key == "key"
    assert made.filter_state_requirements[0].requirement.provider.name == "p"


def test_rules_look_at_path_headers_and_query_alone():
    match = """
    rules:
    - match:
        path: /a
        headers: [{name: x, present_match: true}]
        query_parameters: [{name: y, present_match: true}]
        runtime_fraction: {default_value: {numerator: 0}}
        grpc: {}
        tls_context: {presented: true, validated: true}
        cookies: [{name: z, string_match: {exact: a}}]
    """
    made = compiled(match).rules[0].match
    assert (made.exact, len(made.headers), len(made.query_parameters)) == ("/a", 1, 1)
    set_fields = {field.name for field, _ in made.ListFields()}
    assert set_fields == {"exact", "headers", "query_parameters"}
    reports = unsupported(source(match))
    assert len(reports) == 4
    assert all(report.startswith("warning x.rules[0].match.") for report in reports)


def test_overrides():
    out = FilterOverride(filter="f")
    given = message(f"{_PACKAGE}.PerRouteConfig", "disabled: true")
    compile_jwt_authn_override(context(), given, out, "o")
    assert (out.jwt_authn.disabled, out.disabled) == (True, False)
    given = message(f"{_PACKAGE}.PerRouteConfig", "requirement_name: a")
    compile_jwt_authn_override(context(), given, out, "o")
    assert (out.jwt_authn.disabled, out.jwt_authn.requirement) == (False, "a")


def test_every_field_is_known():
    assert unsupported(source(TWO + "stat_prefix: a\nstrip_failure_response: true")) == []
