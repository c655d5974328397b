"""What is to be explained: a URL that a workload calls, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from lateen.control.simulate.call import Request
from lateen.control.translate.values import Json

_PORTS = {"http": 80, "https": 443, "grpc": 80}
_HTTP = ("http", "grpc")
_TLS = ("https", "tls")
_REQUESTS = (*_HTTP, "https")
_SCHEMES = (*_HTTP, *_TLS, "tcp")


class UrlError(ValueError):
    """What was given is no URL that can be called; the message says why."""


@dataclass(frozen=True)
class Wanted:
    """A call.

    Attributes:
        url: as it was given.
        host: that is called, without a port.
        port: that is called.
        tls: whether the application itself speaks TLS: then nothing but its name can be read.
        request: None: it is no HTTP. What is in TLS only a gateway reads that ends it.
        claims: of the request's token; None: it has none.
    """

    url: str
    host: str
    port: int
    tls: bool = False
    request: Request | None = None
    claims: Mapping[str, Json] | None = None


def wanted(
    url: str, method: str, headers: Sequence[str], claims: Mapping[str, Json] | None
) -> Wanted:
    """The call that a command describes.

    Args:
        url: `http://`, `grpc://`, `https://`, `tls://` or `tcp://`; without a scheme, HTTP.
        method: of the request.
        headers: each as `NAME: VALUE`.

    Raises:
        UrlError: the URL, a header or the port is malformed.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError as error:
        raise UrlError(f"{url!r}: {error}") from None
    if parts.scheme not in _SCHEMES:
        raise UrlError(f"{url!r}: the scheme is none of {', '.join(_SCHEMES)}")
    if not parts.hostname:
        raise UrlError(f"{url!r} has no host")
    if port is None:
        raise UrlError(f"{url!r}: {parts.scheme} needs a port")
    tls = parts.scheme in _TLS
    if parts.scheme not in _REQUESTS:
        return Wanted(url, parts.hostname, port, tls)
    query = f"?{parts.query}" if parts.query else ""
    given = dict(_header(one) for one in headers)
    request = Request(
        host=given.pop("host", parts.netloc.rpartition("@")[2]),
        path=f"{parts.path or '/'}{query}",
        method="POST" if parts.scheme == "grpc" else method.upper(),
        headers=given,
        scheme="https" if tls else "http",
        http2=parts.scheme == "grpc",
    )
    return Wanted(url, parts.hostname, port, tls, request, claims)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UrlError(f"{text!r} is no header: NAME: VALUE")
    return name.strip().lower(), value.strip()


def parse_claims(written: Sequence[str] | None) -> Mapping[str, Json] | None:
    """The claims of a token, each as `NAME=VALUE`; several values with commas are a list.

    Raises:
        UrlError: one has no value.
    """
    if written is None:
        return None
    found: dict[str, Json] = {}
    for one in written:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise UrlError(f"{one!r} is no claim: NAME=VALUE")
        found[name] = [*value.split(",")] if "," in value else value
    return found
