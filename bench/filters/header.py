"""The filter in Python that is measured."""

from lateen.filters import Request, http_filter


@http_filter
def header(request: Request) -> None:
    """Sets a header of the request."""
    request.headers["x-a"] = "b"
