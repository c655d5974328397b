"""Prints a token for the step about JSON web tokens: signed with the key in that step's file.

A real shop's tokens come from a server that people log in to, and are signed with a key that only
that server has; the proxies know the public half of it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import sys
import time
from pathlib import Path

STEP = Path(__file__).parent / "steps" / "11-jwt.yaml"
ISSUER = "https://accounts.bookshop.example"
LIFE_S = 3600


def encoded(data: bytes) -> str:
    """Base64 as tokens have it (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(subject: str, key: bytes) -> str:
    """A token that is good for an hour (RFC 7519)."""
    head = {"alg": "HS256", "typ": "JWT", "kid": "example"}
    claims = {"iss": ISSUER, "sub": subject, "exp": int(time.time()) + LIFE_S}
    signed = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
    return f"{signed}.{encoded(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def key_of(step: Path) -> bytes:
    """The key in the file of the step."""
    found = re.search(r'"k": "([^"]+)"', step.read_text())
    assert found is not None
    return base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4))


if __name__ == "__main__":
    print(token(sys.argv[1] if len(sys.argv) > 1 else "jane", key_of(STEP)))
