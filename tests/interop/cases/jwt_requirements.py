"""The JWT filter: requirements, the rules and routes that choose them, preflights, its cache."""

from __future__ import annotations

from tests.interop.filters import grpc_call, route, typed
from tests.interop.jwt import VALID, bearer, judged, provider, rule
from tests.interop.model import Case
from tests.support.client import get, post
from tests.support.jwt_tokens import CLAIMS, token

EXPIRED = token({**CLAIMS, "exp": 1})
YOURS = token({**CLAIMS, "iss": "you"})
NOBODYS = token({"sub": "x"})
FORGED = VALID[:-8] + "AAAAAAAA"
BAD = "a.b.c"
WITH, WITHOUT = bearer(VALID), get("/x")
TWO = f"p: {provider()}, q: {provider(issuer='you')}"
OWN = (
    f"p: {provider('from_headers: [{name: x-p}]')},"
    f" q: {provider('from_headers: [{name: x-q}]', issuer='you')}"
)
OR_ANYBODYS = f"p: {provider()}, z: {provider(issuer='')}"
KINDS = (WITHOUT, *(bearer(each) for each in (VALID, YOURS, EXPIRED, FORGED, BAD, NOBODYS)))
P, Q, MISSING, FAILED = (
    "provider_name: p",
    "provider_name: q",
    "allow_missing: {}",
    "allow_missing_or_failed: {}",
)
EXTRACT = "extract_only_without_validation"
NAMED = "requirement_map: {one: {provider_name: p}, two: {provider_name: q}, none: {}}"
TEMPLATE = (
    "path_match_policy: {name: t, typed_config: {'@type': type.googleapis.com/"
    "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: '/a/{b}'}}"
)


def at(p: str = "", q: str = "") -> bytes:
    """A request with tokens of two providers in headers of their own."""
    lines = [f"X-P: {p}\r\n" if p else "", f"X-Q: {q}\r\n" if q else ""]
    return get("/x", headers="".join(lines))


PAIRS = tuple(at(p, q) for p in ("", VALID, EXPIRED, BAD, YOURS) for q in ("", YOURS, BAD))


def requires(name: str, requirement: str, *requests: bytes, providers: str = TWO) -> Case:
    """A requirement, and the requests that are asked for it."""
    asked = requests or KINDS
    return judged(f"requires_{name}", *asked, providers=providers, rules=rule(requirement))


def of_own(name: str, requirement: str) -> Case:
    """A requirement of providers whose tokens are in headers of their own."""
    return requires(f"{name}_own", requirement, *PAIRS, providers=OWN)


def both(*requirements: str) -> str:
    """All of them."""
    return f"requires_all: {{requirements: [{', '.join(f'{{{each}}}' for each in requirements)}]}}"


def either(*requirements: str) -> str:
    """One of them."""
    return f"requires_any: {{requirements: [{', '.join(f'{{{each}}}' for each in requirements)}]}}"


def of_route(override: str) -> str:
    """A route's configuration of the filter."""
    return typed("jwt_authn.v3.PerRouteConfig", override)


def by_route(name: str, override: str, fields: str = "") -> Case:
    """A route that changes what is required."""
    routes = f"[{route(match='prefix: /y', jwt_authn=of_route(override))}, {route()}]"
    asked = (get("/x"), get("/y"), bearer(VALID, "/y"), bearer(YOURS, "/y"))
    more = f"{NAMED}{fields}"
    return judged(f"route_{name}", *asked, providers=TWO, fields=more, routes=routes)


def matched(name: str, match: str, *requests: bytes) -> Case:
    """A rule for some requests."""
    return judged(f"match_{name}", *(requests or (get("/"),)), rules=rule(match=match))


def preflight(method: str, origin: str = "Origin: b\r\n", asks: str = "GET") -> bytes:
    """A request that may be a preflight."""
    asked = f"Access-Control-Request-Method: {asks}\r\n" if asks else ""
    return f"{method} /x HTTP/1.1\r\nHost: a\r\n{origin}{asked}\r\n".encode()


CASES = (
    requires("one", P),
    requires("nothing", ""),
    requires("any", either(P, Q)),
    requires("any_missing", either(P, MISSING)),
    requires("any_failed", either(P, FAILED)),
    requires("any_missing_and_failed", either(P, MISSING, FAILED)),
    requires("any_of_missing", either(MISSING, MISSING)),
    requires("any_of_failed", either(MISSING, FAILED)),
    requires("any_or_nothing", either(P, "")),
    requires("all_and_nothing", both(P, "")),
    requires("missing", MISSING),
    requires("failed", FAILED),
    requires("missing_anybodys", MISSING, providers=OR_ANYBODYS),
    requires("extract", f"{EXTRACT}: {{}}"),
    requires("extract_header", f"{EXTRACT}: {{verification_status_header: X-Ok}}", *KINDS,
             get("/x", headers="X-Ok: true\r\nX-Jwt-Signature-Verified: true\r\n")),
    requires("extract_own", f"{EXTRACT}: {{}}", *PAIRS, providers=OWN),
    of_own("any", either(P, Q)),
    of_own("any_missing", either(P, Q, MISSING)),
    of_own("all", both(P, Q)),
    of_own("all_optional", both(either(P, MISSING), Q)),
    of_own("any_of_all", either(both(P, Q), P)),
    of_own("missing", MISSING),
    of_own("failed", FAILED),
    judged("no_rule", WITHOUT, rules=rule(match="prefix: /none")),
    judged("rule_without_requirement", WITHOUT, get("/y"),
           rules=f"{{match: {{prefix: /x}}}}, {rule()}"),
    judged("rule_by_name", WITHOUT, WITH, providers=TWO, fields=NAMED,
           rules="{match: {prefix: /}, requirement_name: one}"),
    judged("first_rule", get("/x/y"), bearer(VALID, "/x/y"), bearer(YOURS, "/x/y"),
           rules=f"{rule(Q, 'prefix: /x')}, {rule()}", providers=TWO),
    matched("prefix", "prefix: /a", get("/a?x"), get("/ab"), get("/A"), get("/b")),
    matched("any_case", "prefix: /a, case_sensitive: false", get("/A"), get("/b")),
    matched("prefix_with_query", "prefix: '/a?b'", get("/a?b"), get("/a")),
    matched("path", "path: /a", get("/a?x"), get("/a/"), get("/A")),
    matched("regex", "safe_regex: {regex: '/a.*'}", get("/abc?x"), get("/b/a")),
    matched("separated", "path_separated_prefix: /a", get("/a"), get("/a/b"), get("/ab")),
    matched("template", TEMPLATE, get("/a/b"), get("/a")),
    matched("headers", "prefix: /, headers: [{name: x-a, string_match: {exact: b}}]",
            get("/", headers="X-A: b\r\n"), get("/")),
    matched("query", "prefix: /, query_parameters: [{name: a, string_match: {exact: b}}]",
            get("/?a=b"), get("/?a=c"), get("/?a=%62")),
    matched("query_present", "prefix: /, query_parameters: [{name: a, present_match: true}]",
            get("/?a"), get("/")),
    matched("connect", "connect_matcher: {}"),
    matched("runtime", "prefix: /, runtime_fraction: {default_value: {numerator: 0}}"),
    matched("grpc", "prefix: /, grpc: {}"),
    matched("cookies", "prefix: /, cookies: [{name: a, string_match: {exact: b}}]"),
    matched("tls", "prefix: /, tls_context: {presented: true}"),
    by_route("disabled", "disabled: true"),
    by_route("name", "requirement_name: two"),
    by_route("name_of_nothing", "requirement_name: none"),
    by_route("name_unknown", "requirement_name: other"),
    by_route("name_unknown_stripped", "requirement_name: other", ", strip_failure_response: true"),
    judged("bypassed", preflight("OPTIONS"), preflight("OPTIONS", asks=""), preflight("GET"),
           preflight("OPTIONS", "Origin:\r\n"), preflight("OPTIONS", ""),
           fields="bypass_cors_preflight: true"),
    judged("not_bypassed", preflight("OPTIONS")),
    judged("stripped", WITHOUT, bearer(BAD), WITH, fields="strip_failure_response: true",
           of_provider="audiences: [x]"),
    judged("stat_prefix", WITH, WITHOUT, fields="stat_prefix: sp"),
    judged("grpc", *grpc_call()),
    judged("grpc_audience", *grpc_call("/a/b", ("authorization", f"Bearer {VALID}")),
           of_provider="audiences: [x]"),
    judged("body", post("/x", b"hello", headers=f"Authorization: Bearer {VALID}\r\n"),
           post("/x", b"hello")),
    judged("realm", get("/x/y?a=b", host="h.test:80"),
           b"GET http://abs/z HTTP/1.1\r\nHost: a\r\n\r\n"),
    judged("cache", WITH, WITH, bearer(BAD), bearer(BAD), bearer(YOURS), WITHOUT,
           of_provider="jwt_cache_config: {jwt_cache_size: 1}"),
    judged("cache_of_one", WITH, bearer(token({**CLAIMS, "a": 1})), WITH,
           of_provider="jwt_cache_config: {jwt_cache_size: 1}"),
    judged("cache_too_long", WITH, WITH, of_provider="jwt_cache_config: {jwt_max_token_size: 100}"),
    judged("cache_longest", *(bearer(token({**CLAIMS, "a": "x" * 4000})),) * 2,
           of_provider="jwt_cache_config: {}"),
    judged("cache_not_for_any", WITH, WITH, of_provider="jwt_cache_config: {}", rules=rule(FAILED)),
)  # fmt: skip
