"""Tokens for tests, signed with the keys that RFC 7515 and RFC 8037 print, and their key sets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

Json = Mapping[str, object]
Jwk = dict[str, str]

# RFC 7515, appendices A.1 to A.4, and RFC 8037, appendix A.
_OCT = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
_RSA_N = (
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4"
    "d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5re"
    "xMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxX"
    "FvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
)
_RSA_D = (
    "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXO"
    "oAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51"
    "gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3c"
    "cPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ"
)
_EC_D = {
    "P-256": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    "P-384": "EjRW",  # printed nowhere: any number will do
    "P-521": (
        "AY5pb7A0UFiB3RELSD64fTLOSV_jazdF7fLYyuTw8lOfRhWg6Y6rUrPAxerEzgdRhajnu0ferB0d53vM9mE15j2C"
    ),
}
_ED25519_D = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"

_CURVES: dict[str, tuple[type[ec.EllipticCurve], int]] = {
    "P-256": (ec.SECP256R1, 32),
    "P-384": (ec.SECP384R1, 48),
    "P-521": (ec.SECP521R1, 66),
}
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}
_CURVE_OF = {"256": "P-256", "384": "P-384", "512": "P-521"}

# So far off that no test sees it.
NEVER = 4102444800
CLAIMS: Json = {"iss": "me", "sub": "you", "aud": "us", "exp": NEVER}


def unpadded(data: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def padded(text: str) -> bytes:
    """The bytes of base64url that has no padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def token(
    claims: Json | bytes = CLAIMS, alg: str = "RS256", header: Json | bytes | None = None
) -> str:
    """A token signed with the key that there is for `alg`.

    `header` is in place of `{"alg": alg}`; bytes are in place of JSON.
    """
    head = {"alg": alg} if header is None else header
    signed = ".".join(
        unpadded(part if isinstance(part, bytes) else json.dumps(part).encode())
        for part in (head, claims)
    )
    return f"{signed}.{unpadded(sign(alg, signed.encode()))}"


def sign(alg: str, data: bytes) -> bytes:
    """The signature by the key that there is for `alg` (RFC 7518, section 3; RFC 8037)."""
    bits = alg[2:]
    match alg[:2]:
        case "HS":
            return hmac.new(padded(_OCT), data, getattr(hashlib, f"sha{bits}")).digest()
        case "RS":
            return _rsa_key().sign(data, padding.PKCS1v15(), _HASHES[bits]())
        case "PS":
            algorithm = _HASHES[bits]()
            pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
            return _rsa_key().sign(data, pss, algorithm)
        case "ES":
            key = _ec_key(_CURVE_OF[bits])
            pair = decode_dss_signature(key.sign(data, ec.ECDSA(_HASHES[bits]())))
            size = _CURVES[_CURVE_OF[bits]][1]
            return b"".join(number.to_bytes(size, "big") for number in pair)
        case _:
            return _ed25519_key().sign(data)


@cache
def jwk(kty: str, crv: str = "P-256") -> Jwk:
    """The public half (of `oct`: the whole) of a key; `crv` is the curve of an EC key."""
    if kty == "oct":
        return {"kty": kty, "k": _OCT}
    if kty == "RSA":
        return {"kty": kty, "n": _RSA_N, "e": "AQAB"}
    if kty == "OKP":
        public = _ed25519_key().public_key().public_bytes_raw()
        return {"kty": kty, "crv": "Ed25519", "x": unpadded(public)}
    numbers = _ec_key(crv).public_key().public_numbers()
    size = _CURVES[crv][1]
    x, y = (unpadded(number.to_bytes(size, "big")) for number in (numbers.x, numbers.y))
    return {"kty": kty, "crv": crv, "x": x, "y": y}


def jwks(*keys: Mapping[str, object]) -> str:
    """A key set as JSON (RFC 7517, section 5); all keys that there are if none is given."""
    every = [jwk("RSA"), *(jwk("EC", crv) for crv in _CURVES), jwk("oct"), jwk("OKP")]
    return json.dumps({"keys": list(keys) or every})


@cache
def certificate(kty: str) -> str:
    """A certificate (PEM) of the RSA or EC key."""
    key = _rsa_key() if kty == "RSA" else _ec_key("P-256")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "keys")])
    start, end = (datetime.fromtimestamp(at, UTC) for at in (0, NEVER))
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, end)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@cache
def _rsa_key() -> rsa.RSAPrivateKey:
    n, d = (int.from_bytes(padded(text), "big") for text in (_RSA_N, _RSA_D))
    e = 65537
    p, q = rsa.rsa_recover_prime_factors(n, e, d)
    exponents = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
    numbers = rsa.RSAPrivateNumbers(p, q, d, *exponents, rsa.RSAPublicNumbers(e, n))
    return numbers.private_key()


@cache
def _ec_key(crv: str) -> ec.EllipticCurvePrivateKey:
    secret = int.from_bytes(padded(_EC_D[crv]), "big")
    return ec.derive_private_key(secret, _CURVES[crv][0]())


@cache
def _ed25519_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(padded(_ED25519_D))
