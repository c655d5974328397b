"""What the admin listener's connection manager refuses, as Envoy's does, and what h11 lets pass."""

from __future__ import annotations

import h11

# The methods of the HTTP/1 parser (https://github.com/nodejs/llhttp).
_METHODS = frozenset(
    b"""
    ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR
    MKCOL MOVE NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT REBIND REPORT SEARCH SOURCE
    SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE
    """.split()
)


class Refusal(h11.RemoteProtocolError):
    """A request that its connection answers, and that ends it; `body`: what the client is told."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(body or "refused", error_status_hint=status)
        self.body = body


def check_head(head: h11.Request) -> None:
    """Refuses a head that the parser or the connection manager of Envoy refuses.

    Raises:
        Refusal: with the response.
    """
    names = [name for name, _ in head.headers]
    twice = b"content-length" in names and b"transfer-encoding" in names
    if head.method not in _METHODS or twice:
        raise Refusal(400, "Bad Request")
    if head.http_version == b"1.0":
        raise Refusal(426, "Upgrade Required")
    if (
        head.method != b"CONNECT"
        and head.target[:1] not in (b"/", b"*")
        and b":" not in head.target
    ):
        raise Refusal(400, "Bad Request")
    if b"#" in head.target:
        raise Refusal(400, "")


def refusal_of(error: h11.RemoteProtocolError) -> Refusal:
    """What a client is told about a message that h11 refuses."""
    if isinstance(error, Refusal):
        return error
    status = error.error_status_hint
    if status == 431:
        return Refusal(431, "Request Header Fields Too Large")
    if status == 501:
        return Refusal(501, "Not Implemented")
    if status == 413:
        return Refusal(413, "Payload Too Large")
    # A request without Host is well-formed: the connection manager refuses it, without a text.
    return Refusal(400, "" if "Host" in str(error) else "Bad Request")
