"""The JWT filter: what a verified token gives the upstream, other filters and the access log."""

from __future__ import annotations

from dataclasses import replace

from tests.interop.filters import filtered, route, typed
from tests.interop.jwt import LOG, VALID, bearer, judged, jwt, provider, rule
from tests.interop.model import Case, Differs
from tests.support.client import get
from tests.support.jwt_tokens import CLAIMS, NEVER, jwk, jwks, token

RICH = token(
    {
        **CLAIMS,
        "text": "t é",
        "empty": "",
        "int": 7,
        "negative": -7,
        "double": 1.5,
        "huge": 1e19,
        "huger": 1e20,
        "yes": True,
        "no": False,
        "none": None,
        "list": [1, "a"],
        "object": {"key": "nested", "deep": {"er": 3}},
        "a.b": "dotted",
        "scope": "read  write",
        "lines": "a\nb",
    },
    header={"alg": "RS256", "typ": "JWT", "x": {"y": 1}},
)
EXPIRED = token({**CLAIMS, "exp": 1})
YOURS = token({**CLAIMS, "iss": "you"})
FORGED = VALID[:-8] + "AAAAAAAA"
THREE = (get("/x"), bearer(VALID), bearer(YOURS), bearer(EXPIRED), bearer("a.b.c"))
FAKE = get("/x", headers="X-Pp: fake\r\nX-Qp: fake\r\n")
FAKED = bearer(VALID, headers="X-Pp: fake\r\nX-Qp: fake\r\n")
VERIFIED = "X-Jwt-Signature-Verified: true\r\n"
X_SUB = "claim_to_headers: [{header_name: x-sub, claim_name: sub}]"
CLEAR = "clear_route_cache: true"
X_PAY = "forward_payload_header: x-pay"
BOTH = ", ".join(
    f"{name}: "
    + provider(
        f"payload_in_metadata: {name}p, failed_status_in_metadata: {name}f,"
        f" forward_payload_header: x-{name}p",
        issuer=issuer,
    )
    for name, issuer in (("p", "me"), ("q", "you"))
)
OFF = typed("jwt_authn.v3.PerRouteConfig", "disabled: true")
P_OR_Q = "requires_any: {requirements: [{provider_name: p}, {provider_name: q}]}"
IS_YOU = (
    "{filter: envoy.filters.http.jwt_authn, path: [{key: pay}, {key: sub}],"
    " value: {string_match: {exact: you}}}"
)
SELECTOR = (
    "on_request_headers: [{object_key: sel, factory_key: envoy.string, format_string:"
    " {text_format_source: {inline_string: '%REQ(X-SEL)%'}}}]"
)
SELECTED = (
    f"providers: {{p: {provider()}, q: {provider(issuer='you')}}},"
    f" rules: [{rule(match='path: /ruled')}], filter_state_rules: {{name: sel, requires:"
    " {one: {provider_name: p}, two: {provider_name: q}, none: {}}}"
)


def gives(name: str, fields: str, *requests: bytes, routes: str = "", keys: str = "") -> Case:
    """What becomes of a token of many claims."""
    more = {"routes": routes} if routes else {}
    asked = requests or (bearer(RICH),)
    return judged(f"gives_{name}", *asked, of_provider=fields, keys=keys, **more)


def to_headers(
    name: str,
    *pairs: tuple[str, str],
    requests: tuple[bytes, ...] = (),
    differs: Differs | None = None,
) -> Case:
    """Claims copied to headers."""
    each = ", ".join(f"{{header_name: {header}, claim_name: '{claim}'}}" for header, claim in pairs)
    case = gives(f"headers_{name}", f"claim_to_headers: [{each}]", *requests)
    return replace(case, differs=differs)


def by_two(name: str, requirement: str, *requests: bytes) -> Case:
    """What tokens of two providers give."""
    return judged(f"gives_by_{name}", *requests, providers=BOTH, rules=rule(requirement))


def clears(name: str, fields: str) -> Case:
    """Routes by headers that the filter sets."""
    matches = ("name: x-sub, string_match: {exact: you}", "name: x-pay, present_match: true")
    routes = [
        route(f"direct_response: {{status: {status}}}", f"prefix: /, headers: [{{{match}}}]")
        for status, match in zip((204, 205), matches, strict=True)
    ]
    return gives(f"clears_{name}", fields, routes=f"[{', '.join(routes)}, {route()}]")


CASES = (
    gives("payload_header", "forward_payload_header: X-Payload", bearer(VALID),
          bearer(VALID, headers="X-Payload: fake\r\n")),
    gives("payload_header_padded",
          "forward_payload_header: x-payload, pad_forward_payload_header: true",
          *(bearer(token({**CLAIMS, "a": text})) for text in ("b", "bc", "bcd"))),
    gives("payload_header_of_token", "forward_payload_header: authorization", bearer(VALID)),
    to_headers("kinds", *((f"x-{name}", name) for name in (
        "text", "empty", "int", "negative", "double", "huge", "huger", "yes", "no", "none", "list",
        "object",
    ))),
    to_headers("nested", *((f"x-{number}", claim) for number, claim in enumerate((
        "object.key", "object.deep.er", "object.none", "text.key", "a.b", ".", "missing",
    )))),
    to_headers("same", ("x-a", "text"), ("x-a", "int")),
    to_headers("lines", ("x-a", "lines"), differs=Differs(
        "A claim that no header can carry is refused before an upstream is chosen", (503,))),
    to_headers("faked", ("x-a", "missing"), ("x-b", "sub"),
               requests=(bearer(VALID, headers="X-A: fake\r\nX-B: fake\r\n"),)),
    gives("headers_path", "claim_to_headers: [{header_name: x-a, claim_path: [{key: a.b}]},"
          " {header_name: x-b, claim_path: [{key: object}, {key: deep}, {key: er}]},"
          " {header_name: x-c, claim_path: [{key: a}, {key: b}]}]"),
    gives("payload", "payload_in_metadata: pay"),
    gives("header", "header_in_metadata: head"),
    gives("payload_and_header", "payload_in_metadata: pay, header_in_metadata: head"),
    gives("payload_and_header_same", "payload_in_metadata: pay, header_in_metadata: pay"),
    gives("normalized", "payload_in_metadata: pay, normalize_payload_in_metadata:"
          " {space_delimited_claims: [scope, text, int, missing, empty, object.key, sub]}",
          bearer(RICH), bearer(token({**CLAIMS, "scope": " a b ", "empty": "   "}))),
    gives("normalized_alone", "forward_payload_header: x-payload,"
          " normalize_payload_in_metadata: {space_delimited_claims: [scope]}"),
    gives("failed_status", "failed_status_in_metadata: why", *THREE, bearer("a"),
          bearer(token({**CLAIMS, "nbf": NEVER}))),
    gives("failed_status_of_keys", "failed_status_in_metadata: why", bearer(FORGED),
          bearer(token(header={"alg": "RS256", "kid": "other"})),
          keys=jwks({**jwk("RSA"), "kid": "x"})),
    gives("failed_status_of_audience",
          "failed_status_in_metadata: why, audiences: [x], payload_in_metadata: pay",
          bearer(VALID)),
    judged("gives_failed_status_if_missing", get("/x"), bearer("a"),
           of_provider="failed_status_in_metadata: why", rules=rule("allow_missing: {}")),
    by_two("any", P_OR_Q, *THREE, FAKED, FAKE),
    by_two("all", P_OR_Q.replace("any", "all"), *THREE),
    by_two("any_or_missing", P_OR_Q.replace("provider_name: q", "allow_missing: {}"), *THREE, FAKE),
    by_two("missing", "allow_missing: {}", *THREE, FAKED, FAKE),
    by_two("failed", "allow_missing_or_failed: {}", *THREE, FAKED, FAKE),
    by_two("extract", "extract_only_without_validation: {}", *THREE, FAKED, FAKE, bearer(FORGED),
           bearer(VALID, headers=VERIFIED), bearer(EXPIRED, headers=VERIFIED)),
    by_two("one", "provider_name: p", FAKED),
    by_two("nothing", "", FAKE, FAKED),
    judged("sanitized_without_a_rule", FAKE, providers=BOTH, rules=rule(match="prefix: /none")),
    judged("sanitized_when_disabled", FAKE, providers=BOTH, routes=f"[{route(jwt_authn=OFF)}]"),
    judged("sanitized_preflight", b"OPTIONS /x HTTP/1.1\r\nHost: a\r\nOrigin: b\r\nX-Pp: fake\r\n"
           b"Access-Control-Request-Method: GET\r\n\r\n", providers=BOTH,
           fields="bypass_cors_preflight: true"),
    clears("by_claim", f"{X_SUB}, {CLEAR}"),
    clears("nothing", X_SUB),
    clears("not_by_payload_header", f"{X_PAY}, {CLEAR}"),
    clears("by_metadata", f"{X_PAY}, payload_in_metadata: a, {CLEAR}"),
    clears("not_by_header_in_metadata", f"{X_PAY}, header_in_metadata: a, {CLEAR}"),
    clears("not_by_missing_claim", f"{X_PAY}, {X_SUB.replace('sub}', 'none}')}, {CLEAR}"),
    gives("cached", f"payload_in_metadata: pay, header_in_metadata: head, {X_PAY}, {X_SUB},"
          " jwt_cache_config: {}, normalize_payload_in_metadata: {space_delimited_claims: [scope]}",
          bearer(RICH), bearer(RICH)),
    gives("cached_of_parameters", "from_params: [t], jwt_cache_config: {}",
          *(get(f"/x?t={VALID}"),) * 2),
    filtered(
        "jwt_before_rbac",
        (
            jwt(f"providers: {{p: {provider('payload_in_metadata: pay')}}}, rules: [{rule()}]"),
            typed("rbac.v3.RBAC", "rules: {policies: {a: {principals: [{any: true}],"
                  f" permissions: [{{metadata: {IS_YOU}}}]}}}}}}"),
        ),
        bearer(VALID), bearer(token({**CLAIMS, "sub": "other"})),
    ),
    filtered(
        "jwt_by_filter_state",
        (typed("set_filter_state.v3.Config", SELECTOR), jwt(SELECTED)),
        get("/x"), get("/ruled"),
        *(
            request
            for line in (f"X-Sel: {name}\r\n" for name in ("one", "two", "none", "other", ""))
            for request in (get("/x", headers=line), bearer(VALID, headers=line))
        ),
    ),
    filtered(
        "jwt_twice",
        tuple(
            jwt(f"providers: {{p: {provider(fields)}}}, rules: [{rule()}]")
            for fields in ("payload_in_metadata: one, forward: true", "payload_in_metadata: two")
        ),
        bearer(VALID), log=LOG,
    ),
)  # fmt: skip
