"""What is known of the book itself."""

from __future__ import annotations

from service import Headers, serve


def answer(path: str, headers: Headers) -> tuple[int, object]:
    """The book; `caller` is who called, as the sidecar of this service tells it."""
    book = {"title": "The Sea-Wolf", "author": "Jack London", "year": 1904}
    return 200, {**book, "caller": _identity(headers.get("x-forwarded-client-cert", ""))}


def _identity(certificate: str) -> str:
    """The URI of the client's certificate; empty without mutual TLS."""
    fields = dict(part.partition("=")[::2] for part in certificate.split(";"))
    return fields.get("URI", "")


if __name__ == "__main__":
    serve(answer)
