"""A call as a proxy sees it, and as the next one does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from lateen.control.translate.values import Json


@dataclass(frozen=True)
class Request:
    """An HTTP request.

    Attributes:
        host: `:authority`, with its port when it has one.
        path: with the query.
        method: such as `GET`.
        headers: by lower-case name, without those that begin with a colon.
        scheme: `http` or `https`.
        http2: whether it comes by HTTP/2.
    """

    host: str
    path: str = "/"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    scheme: str = "http"
    http2: bool = False

    @property
    def url_path(self) -> str:
        """The path without query and fragment."""
        return self.path.partition("?")[0].partition("#")[0]

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the query; of one that is repeated, the first."""
        found: dict[str, str] = {}
        for name, value in parse_qsl(self.path.partition("?")[2], keep_blank_values=True):
            found.setdefault(name, value)
        return found

    def header(self, name: str) -> str | None:
        """A header's value, the ones with a colon too; None: it has none."""
        pseudo = {
            ":authority": self.host,
            "host": self.host,
            ":path": self.path,
            ":method": self.method,
            ":scheme": self.scheme,
        }
        lowered = name.lower()
        return pseudo.get(lowered, self.headers.get(lowered))


@dataclass(frozen=True)
class Tls:
    """What the caller says in its handshake.

    Attributes:
        sni: the server's name; empty: none.
        alpn: the protocols that it offers.
        identity: the `spiffe://` name in its certificate; empty: it has none.
    """

    sni: str = ""
    alpn: tuple[str, ...] = ()
    identity: str = ""


@dataclass(frozen=True)
class Call:
    """A connection and what is sent over it.

    Attributes:
        address: that is called, before it was captured.
        port: that is called.
        source: the address of the caller.
        request: None: bytes that are no HTTP.
        tls: None: it is plain.
        claims: of the token of the request; None: it has none.
        sniffed: whether the first bytes are looked at for HTTP.
    """

    address: str
    port: int
    source: str = "127.0.0.1"
    request: Request | None = None
    tls: Tls | None = None
    claims: Mapping[str, Json] | None = None
    sniffed: bool = True

    @property
    def transport(self) -> str:
        """The transport protocol as listener filters tell it."""
        return "raw_buffer" if self.tls is None else "tls"

    @property
    def protocols(self) -> tuple[str, ...]:
        """The application protocols: of ALPN, or as the first bytes tell."""
        if self.tls is not None:
            return self.tls.alpn
        if self.request is None or not self.sniffed:
            return ()
        return ("h2c",) if self.request.http2 else ("http/1.1",)
