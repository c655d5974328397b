"""The JWT filter: where tokens are looked for, and what of their claims a provider asks for."""

from __future__ import annotations

from tests.interop.jwt import VALID, bearer, judged, provider, rule
from tests.interop.model import Case, Differs
from tests.support.client import get
from tests.support.jwt_tokens import CLAIMS, NEVER, token

EXPIRED = token({**CLAIMS, "exp": 1})
BAD = "a.b.c"
WITH = bearer(VALID)
AUDIENCES = "audiences: [us, 'https://they/']"


def located(name: str, where: str, *requests: bytes, differs: Differs | None = None) -> Case:
    """Tokens at certain places."""
    return judged(f"from_{name}", *requests, of_provider=where, differs=differs)


def lines(*headers: str) -> bytes:
    """A request with these header lines."""
    return get("/x", headers="".join(f"{line}\r\n" for line in headers))


def claiming(name: str, of_provider: str, *claims: dict[str, object], rules: str = "") -> Case:
    """Tokens with these claims in place of those of others."""
    asked = (bearer(token({"iss": "me", **each})) for each in claims)
    return judged(f"claims_{name}", *asked, of_provider=of_provider, rules=rules)


def aud(*values: object) -> tuple[dict[str, object], ...]:
    """Claims with these audiences."""
    return tuple({"aud": value} for value in values)


CASES = (
    located(
        "default", "",
        get("/x"), WITH, get(f"/x?a=b&access_token={VALID}&c=d"), get("/x?access_token="),
        get("/x?access_token"), bearer(VALID, f"/x?access_token={VALID}"),
        bearer(VALID, f"/x?access_token={BAD}"), bearer(BAD, f"/x?access_token={VALID}"),
    ),
    located(
        "default_twice", "",
        lines(f"Authorization: Bearer {VALID}", f"Authorization: Bearer {EXPIRED}"),
        lines(f"Authorization: Bearer {VALID}", "Authorization: Basic a"),
    ),
    located(
        "header", "from_headers: [{name: X-Jwt}]",
        WITH, lines(f"X-JWT: {VALID}"), lines("X-Jwt:"),
        get(f"/x?access_token={VALID}"),
    ),
    located(
        "header_prefix", "from_headers: [{name: x-jwt, value_prefix: 'jwt='}]",
        lines(f"X-Jwt: a=b, jwt={VALID}"), lines(f"X-Jwt: {VALID}"),
        lines(f'X-Jwt: jwt="{VALID}"'), lines(f"X-Jwt: jwt= {VALID};x=y"),
    ),
    located(
        "headers", "from_headers: [{name: x-b}, {name: x-a}]",
        *(lines(f"X-A: {a}", f"X-B: {b}") for a, b in (
            (EXPIRED, VALID), (VALID, EXPIRED), (BAD, EXPIRED), (EXPIRED, BAD), (VALID, VALID),
        )),
        lines(f"X-A: {VALID}", f"X-A: {EXPIRED}"),
    ),
    located(
        "param", "from_params: [t, u]",
        get(f"/x?t={VALID}"), get(f"/x?t={VALID}&u={VALID}"), get(f"/x?u={BAD}&t={EXPIRED}"), WITH,
        get(f"/x?t={VALID.replace('.', '%2E')}"), get(f"/x?t={VALID}&t={BAD}"),
        get(f"/x?%74={VALID}"),
    ),
    located("param_stays", "from_params: [t], forward: true", get(f"/x?a=%20b+c&t={VALID}&d")),
    located(
        "param_among_others", "from_params: [t]", get(f"/x?z=%41%26&t={VALID}&b&a="),
        differs=Differs("Other parameters stay as they are; Envoy sorts and decodes them", (200,)),
    ),
    located(
        "cookie", "from_cookies: [t, u]",
        *(lines(f"Cookie: {cookie}") for cookie in (
            f"a=b; t={VALID}", f"u={VALID}; t={EXPIRED}", f't="{VALID}"', f"t={VALID}; t={BAD}",
            "t=", "a=b",
        )),
    ),
    located(
        "everywhere", "from_headers: [{name: x-a}], from_params: [t], from_cookies: [c]",
        *(get(f"/x?t={t}", headers=f"X-A: {a}\r\n{cookie}") for a, t, cookie in (
            (VALID, VALID, f"Cookie: c={VALID}\r\n"), (BAD, EXPIRED, f"Cookie: c={VALID}\r\n"),
            (BAD, EXPIRED, ""),
        )),
    ),
    located("forward", "forward: true", WITH, get(f"/x?access_token={VALID}")),
    judged(
        "claims_any_issuer",
        *(bearer(token(claims)) for claims in (CLAIMS, {"iss": "you"}, {"sub": "x"})),
        providers=f"p: {provider(issuer='')}",
    ),
    claiming(
        "audiences", AUDIENCES,
        *aud("us", "them", ["x", "them"], ["x", "us"], "http://us/", "https://us", "us/", "", []),
        *aud("they", "http://they", "https://they/", "they//"), {},
    ),
    claiming(
        "audience_of_requirement", "audiences: [us]", *aud("us", "z"),
        rules=rule("provider_and_audiences: {provider_name: p, audiences: [z]}"),
    ),
    claiming(
        "audience_of_provider", "audiences: [us]", *aud("us", "z"),
        rules=rule("provider_and_audiences: {provider_name: p}"),
    ),
    claiming("subjects", "subjects: {prefix: you}", {"sub": "you"}, {"sub": "your"}, {"sub": "me"}),
    claiming("subjects_empty", "subjects: {exact: ''}", {}, {"sub": ""}),
    claiming("require_expiration", "require_expiration: true", {"exp": NEVER}, {}, {"exp": 0}),
    claiming("max_lifetime", "max_lifetime: 86400s", {"exp": NEVER}, {}, {"exp": 0}),
    claiming(
        "max_lifetime_long", "max_lifetime: 9000000000s, require_expiration: true",
        {"exp": NEVER}, {},
    ),
    claiming(
        "order", "audiences: [us], subjects: {exact: you}, max_lifetime: 86400s",
        {"sub": "x", "aud": "x", "exp": 1}, {"sub": "x", "aud": "x", "exp": NEVER},
        {"sub": "x", "aud": "us", "exp": NEVER}, {"sub": "you", "aud": "us"},
        {"iss": "you", "sub": "x", "aud": "x", "exp": 1},
    ),
)  # fmt: skip
