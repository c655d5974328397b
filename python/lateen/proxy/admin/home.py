"""/: a page with every endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lateen.proxy.admin.endpoint import Endpoint, Parameter
from lateen.proxy.admin.html_text import escape

_STYLE = (
    "body{font-family:sans-serif}td{padding:4px 12px;vertical-align:top}"
    "tr.endpoint{border-top:1px solid #ddd}table{border-collapse:collapse}form{margin:0}"
)


def page(title: str, body: str) -> str:
    """An HTML document."""
    return (
        f"<!DOCTYPE html>\n<html lang='en'>\n<head>\n<title>{escape(title)}</title>\n"
        f"<style>{_STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def home_page(endpoints: Sequence[Endpoint]) -> str:
    """The page: a form for each endpoint."""
    rows = "".join(
        row
        for endpoint in sorted(endpoints, key=lambda each: each.path)
        if endpoint.path != "/"
        for row in _rows(endpoint)
    )
    head = "<tr><th>Command</th><th>Description</th></tr>\n"
    return page("Lateen admin", f"<table>\n{head}{rows}</table>\n")


def _rows(endpoint: Endpoint) -> Iterator[str]:
    name = escape(endpoint.path.removeprefix("/"))
    if endpoint.mutates or endpoint.parameters:
        method = "post" if endpoint.mutates else "get"
        link = f"<form action='{name}' method='{method}' id='{name}'><button>{name}</button></form>"
    else:
        link = f"<a href='{name}'>{name}</a>"
    yield f"<tr class='endpoint'><td>{link}</td><td>{escape(endpoint.help)}</td></tr>\n"
    for parameter in endpoint.parameters:
        field = _field(parameter, name)
        yield f"<tr><td>{field}</td><td>{escape(parameter.help)}</td></tr>\n"


def _field(parameter: Parameter, form: str) -> str:
    name = escape(parameter.name)
    if parameter.choices:
        choices = "".join(f"<option>{escape(each)}</option>" for each in parameter.choices)
        return f"<select name='{name}' form='{form}'>{choices}</select> {name}"
    kind = "checkbox" if parameter.switch else "text"
    return f"<input type='{kind}' name='{name}' form='{form}' /> {name}"
