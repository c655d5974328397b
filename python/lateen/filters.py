"""Filters as Python functions: what a filter's author imports.

    from lateen.filters import Request, Response, http_filter

    @http_filter
    def tenant(request: Request) -> Response | None:
        if "x-tenant" not in request.headers:
            return Response(403, "no tenant")
        request.headers["x-tenant-tier"] = "gold"
        return None

`lateen proxy -c envoy.yaml --filter tenant.py:tenant` runs it on every request of the static
listeners; docs/python-filters.md says how a configuration names it.

Nothing of a proxy is imported here, so that filters can be tested without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol, TypeVar, overload

__all__ = ["Chunk", "Headers", "Request", "Response", "ResponseHead", "http_filter"]

# Where the decorator notes what it was told.
MARK = "__lateen_http_filter__"

Filter = TypeVar("Filter", bound=Callable[..., object])
Default = TypeVar("Default")


class Marked(NamedTuple):
    """What the decorator of a filter was told.

    Attributes:
        config: the type of its configuration; None: it has none.
        request_body: it waits for the whole body of the request.
        response_body: it waits for the whole body of the response.
    """

    config: type | None
    request_body: bool
    response_body: bool


class Headers(Protocol):
    """The headers of a message, pseudo headers (`:path`) included.

    Names have no case; `host` is `:authority`. Values that are no UTF-8 have surrogates, as file
    names do in Python. What frames the message (`content-length`, `transfer-encoding`,
    `connection`, `upgrade`) can be read, not set. All of it ends with the filter's call: later
    use raises RuntimeError.
    """

    def __getitem__(self, name: str, /) -> str:
        """The value; of several, joined by commas. Raises KeyError."""

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, default: Default, /) -> str | Default: ...
    def get(self, name: str, default: object = None, /) -> object:
        """The same, with a default."""

    def get_all(self, name: str, /) -> list[str]:
        """Each value, in order."""

    def __setitem__(self, name: str, value: str, /) -> None:
        """Replace all values. Raises ValueError for what cannot stand in a header."""

    def add(self, name: str, value: str, /) -> None:
        """Add a value at the end. Raises ValueError for what cannot stand in a header."""

    def __delitem__(self, name: str, /) -> None:
        """Remove all values. Raises KeyError; ValueError for pseudo headers."""

    def __contains__(self, name: str, /) -> bool: ...

    def __len__(self) -> int:
        """How many names there are."""

    def __iter__(self) -> Iterator[str]:
        """Each name once, in order."""

    def items(self) -> list[tuple[str, str]]:
        """Each name with each value, in order."""


class Request(Protocol):
    """The head of a request, before it is sent to an upstream."""

    @property
    def headers(self) -> Headers:
        """Its headers."""

    @property
    def method(self) -> str:
        """`:method`."""

    @property
    def path(self) -> str:
        """`:path`, with the query; `request.headers[":path"] = "/x"` changes it."""

    @property
    def authority(self) -> str:
        """`:authority`."""

    @property
    def scheme(self) -> str:
        """`:scheme`."""

    @property
    def body(self) -> bytes:
        """All of the body, with `@http_filter(request_body=True)`; else it raises RuntimeError."""

    @body.setter
    def body(self, value: bytes) -> None:
        """Another body in its place; a request without one cannot get one."""

    def clear_route(self) -> None:
        """Have the route chosen anew, by the headers as they are after the call."""

    def set_metadata(self, namespace: str, key: str, value: object, /) -> None:
        """Set dynamic metadata, which access logs, RBAC and later filters read.

        Args:
            value: what JSON can say. Raises TypeError for what it cannot.
        """


class ResponseHead(Protocol):
    """The head of a response, before it is sent to the client."""

    @property
    def headers(self) -> Headers:
        """Its headers."""

    @property
    def status(self) -> int:
        """Its status."""

    @property
    def body(self) -> bytes:
        """All of the body, with `@http_filter(response_body=True)`; else it raises RuntimeError."""

    @body.setter
    def body(self, value: bytes) -> None:
        """Another body in its place."""


class Chunk(Protocol):
    """The next bytes of a body, as they come.

    Attributes:
        data: the bytes; what is set here goes on in their place, and may be empty.
    """

    data: bytes

    @property
    def end(self) -> bool:
        """Whether it is the last one; it may have no bytes."""


class Response:
    """An answer in place of the upstream's.

    Args:
        status: 200 to 599.
        body: text is sent as UTF-8.
        headers: names and values; `content-length` is the proxy's to set.

    Raises:
        ValueError: there is no such status.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(
        self,
        status: int,
        body: str | bytes = b"",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    ) -> None:
        if not 200 <= status <= 599:
            raise ValueError(f"{status} is no status of a response: 200 to 599")
        self.status = status
        self.body = body.encode() if isinstance(body, str) else bytes(body)
        self.headers = list(headers.items() if isinstance(headers, Mapping) else headers)


@overload
def http_filter(target: Filter, /) -> Filter: ...
@overload
def http_filter(
    *, config: type | None = None, request_body: bool = False, response_body: bool = False
) -> Callable[[Filter], Filter]: ...
def http_filter(
    target: Filter | None = None,
    /,
    *,
    config: type | None = None,
    request_body: bool = False,
    response_body: bool = False,
) -> Filter | Callable[[Filter], Filter]:
    """Mark a function or class as an HTTP filter; it stays what it is, and can be called.

    A function is called with each Request, and returns a Response or None. A class is made anew
    for each request; its `on_request(request)` is called as a function would be, its
    `on_response(response)` with the ResponseHead, `on_request_body(chunk)` and
    `on_response_body(chunk)` with each Chunk. Each may return a Response.

    Args:
        config: a dataclass or msgspec.Struct, made from the filter's `config`. It is given to the
            function after the request, to the class as its only argument.
        request_body: the request is shown when all of it has come, with its body.
        response_body: the same for the response.
    """

    def mark(marked: Filter) -> Filter:
        setattr(marked, MARK, Marked(config, request_body, response_body))
        return marked

    return mark if target is None else mark(target)
