"""The JWT filter: which tokens are valid, by which keys, and what clients are told otherwise."""

from __future__ import annotations

import json
import time

from tests.interop.jwt import bearer, judged
from tests.interop.model import Case, Differs
from tests.support.client import get
from tests.support.jwt_tokens import (
    CLAIMS,
    NEVER,
    Json,
    certificate,
    jwk,
    jwks,
    sign,
    token,
    unpadded,
)

ALGORITHMS = [f"{kind}{bits}" for kind in ("RS", "PS", "ES", "HS") for bits in (256, 384, 512)]
NONE = unpadded(b'{"alg":"none"}')
NOTHING = unpadded(b'{"iss":"me"}')
HEADER = unpadded(b'{"alg":"RS256"}')
PADDED = "eyJhbGciOiJSUzI1NiIgfQ"  # {"alg":"RS256" }
PAYLOAD = unpadded(json.dumps(CLAIMS).encode())
VALID = token()
SIGNATURE = VALID.rpartition(".")[2]
NOW = int(time.time())
STRICT = "Lateen takes tokens by RFC 7515 and RFC 8259; Envoy's parsers forgive more"
BOUND = "A key verifies no token of another type's algorithm, and ES256 is P-256's alone"


def refused(name: str, *tokens: str) -> Case:
    """Tokens that cannot be read or are not valid."""
    return judged(f"bad_{name}", *(bearer(each) for each in tokens))


def claims(**changed: object) -> str:
    """A token with other claims."""
    return token({**CLAIMS, **changed})


def each_claim(*names: str, values: tuple[object, ...]) -> list[str]:
    """Tokens with these values for each of these claims."""
    return [claims(**{name: value}) for name in names for value in values]


def keyed(name: str, keys: str, *tokens: str, differs: Differs | None = None) -> Case:
    """Tokens for a set of keys."""
    asked = (bearer(each) for each in tokens or (VALID,))
    return judged(f"keys_{name}", *asked, keys=keys, differs=differs)


def headed(alg: str, **header: object) -> str:
    """A token whose header says more."""
    return token(alg=alg, header={"alg": alg, **header})


def said(alg: str, by: str) -> str:
    """A token that says another algorithm than it is signed by."""
    return token(alg=by, header={"alg": alg})


def signed(text: str) -> str:
    """A token of any text before the last dot."""
    return f"{text}.{unpadded(sign('RS256', text.encode()))}"


def named(key: Json, **more: object) -> Json:
    """A key with further members."""
    return {**key, **more}


RSA, EC, OCT, OKP = jwk("RSA"), jwk("EC"), jwk("oct"), jwk("OKP")
P384 = jwk("EC", "P-384")
OTHER_RSA = {**RSA, "n": unpadded((int.from_bytes(b"\xe7" * 256, "big") | 1).to_bytes(256, "big"))}

CASES = (
    *(judged(alg.lower(), bearer(token(alg=alg)), keys=jwks()) for alg in [*ALGORITHMS, "EdDSA"]),
    judged("missing", get("/x?y=z")),
    judged("missing_long_uri", get(f"/{'x' * 400}")),
    judged("empty", get("/x", headers="Authorization: Bearer \r\n")),
    judged("other_scheme", get("/x", headers="Authorization: Basic YTpi\r\n")),
    judged("lower_case_scheme", get("/x", headers=f"Authorization: bearer {VALID}\r\n")),
    refused("format", "a", "a.b", "a.b.c.d", ".b.c", "a..c", "a.b.", "...", f"{HEADER}.{PAYLOAD}."),
    refused(
        "header_base64",
        *(f"{header}.{PAYLOAD}.{SIGNATURE}" for header in ("a=", "A", "e3*", f"{PADDED}=")),
    ),
    refused("padded", signed(f"{PADDED}==.{PAYLOAD}"), f"{HEADER}.{PAYLOAD}.{SIGNATURE}=="),
    refused(
        "header_json",
        *(
            token(header=header)
            for header in (
                b"", b"x", b"[]", b'"a"', b"1", b'{"alg":"RS256"} x', b'{"alg":"RS256",',
                b'{"alg":"RS256","alg":"RS256"}', b'{"alg":"RS256","x":"\xff"}',
                b'\xef\xbb\xbf{"alg":"RS256"}', b' {"alg" : "RS256"}\n',
            )
        ),
    ),
    refused("header_alg", *(token(header=header) for header in ({}, {"alg": 1}, {"alg": None}))),
    refused(
        "alg",
        *(
            token(header={"alg": alg})
            for alg in ("none", "None", "NONE", "", "rs256", "HS1", "RS1", "ES256K", "Ed25519")
        ),
    ),
    refused("unsecured", f"{NONE}.{PAYLOAD}.", f"{NONE}.{PAYLOAD}.AA"),
    refused("kid", *(headed("RS256", kid=kid) for kid in (1, None, ""))),
    refused("payload_base64", signed(f"{HEADER}.*"), signed(f"{HEADER}.A")),
    refused("payload_json", token(b"x"), token(b"[]")),
    refused(
        "types",
        *each_claim("iss", "sub", "iat", "nbf", "exp", "jti", "aud", values=(True, None)),
        *each_claim("iss", "exp", values=(["me"],)),
        *each_claim("aud", values=([], ["us", 1], {})),
    ),
    refused("numbers", *each_claim("iat", "nbf", "exp", values=(-1, 1.5, 1e19, 2**64, "1"))),
    refused("signature_base64", f"{HEADER}.{PAYLOAD}.*", f"{HEADER}.{PAYLOAD}.{SIGNATURE}="),
    refused(
        "signature", VALID[:-4], f"{VALID}AAAA", f"{HEADER}.{PAYLOAD}.AAAA",
        f"{HEADER}.{NOTHING}.{SIGNATURE}",
    ),
    refused("issuer", claims(iss="you"), claims(iss=""), token({"exp": NEVER})),
    refused("time", claims(exp=1), claims(exp=NOW - 300), claims(exp=0), claims(nbf=NOW + 900)),
    judged("skew_by_default", bearer(claims(exp=NOW)), bearer(claims(nbf=NOW + 55))),
    judged(
        "skew",
        *(bearer(claims(**{name: NOW + at})) for name, at in (
            ("exp", -5_000), ("exp", -50_000), ("nbf", 5_000), ("nbf", 50_000),
        )),
        of_provider="clock_skew_seconds: 10000",
    ),
    judged("no_expiration", bearer(token({"iss": "me"}))),
    judged(
        "around",
        *(
            get("/x", headers=f"Authorization: {value}\r\n")
            for value in (
                f"Bearer   {VALID}", f"X Bearer !!{VALID}, b", f"Bearer {VALID} ", "Bearer !!",
            )
        ),
    ),
    keyed("wrong", jwks(OTHER_RSA)),
    keyed("second", jwks(OTHER_RSA, RSA)),
    keyed("other_type", jwks(EC), VALID, token(alg="HS256"), token(alg="EdDSA")),
    keyed(
        "kid",
        jwks(named(OTHER_RSA, kid="a"), named(RSA, kid="b")),
        *(headed("RS256", kid=kid) for kid in "abc"),
        VALID,
    ),
    keyed("kid_without", jwks(RSA), headed("RS256", kid="c")),
    keyed("alg", jwks(named(RSA, alg="RS384")), VALID, token(alg="RS384"), token(alg="PS384")),
    keyed("alg_ps", jwks(named(RSA, alg="PS256")), VALID, token(alg="PS256")),
    keyed("use", jwks(named(RSA, use="enc", key_ops=["encrypt"]))),
    keyed(
        "curve_by_alg",
        jwks({"kty": "EC", "alg": "ES384", "x": P384["x"], "y": P384["y"]}),
        token(alg="ES384"),
    ),
    keyed("curve_by_default", jwks({k: EC[k] for k in ("kty", "x", "y")}), token(alg="ES256")),
    keyed("curve_of_another", jwks(EC), token(alg="ES384"), said("ES384", "ES256")),
    keyed("okp_length", jwks(OKP), token(alg="EdDSA")[:-4], token(alg="EdDSA")[:-8] + "AAAAAAAA"),
    keyed(
        "confused",
        jwks(RSA),
        *(said(alg, by) for alg, by in (
            ("ES256", "RS256"), ("PS256", "RS256"), ("RS256", "PS256"), ("RS512", "RS256"),
            ("HS256", "RS256"),
        )),
        token(alg="HS256"),
    ),
    keyed(
        "of_another_type",
        jwks(OKP, OCT, EC, RSA),
        *(said(alg, by) for alg, by in (
            ("RS256", "HS256"), ("ES256", "HS256"), ("RS256", "EdDSA"), ("RS256", "ES256"),
        )),
        VALID,
        differs=Differs(BOUND, (401, 401, 401, 401, 200)),
    ),
    keyed(
        "certificates",
        json.dumps({"a": certificate("RSA")}),
        headed("RS256", kid="a"), headed("RS256", kid="b"), VALID, token(alg="PS384"),
        token(alg="HS256"),
    ),
    keyed("some_bad", jwks({"kty": "x"}, {}, {"kty": "RSA", "n": 1}, named(RSA, alg="ES256"), RSA)),
    judged(
        "lenient",
        *(
            bearer(each)
            for each in (
                f".{VALID}", f"{VALID}.", f"{HEADER} .{PAYLOAD}.{SIGNATURE}",
                token(header=b"null"),
                token(header=b'{"alg":"RS256",}'), token(header=b"{'alg':'RS256'}"),
                token(header=b'{alg:"RS256"}'), VALID,
            )
        ),
        differs=Differs(STRICT, (*(401,) * 7, 200)),
    ),
)  # fmt: skip
