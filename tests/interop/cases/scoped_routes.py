"""Scoped routes that are part of the configuration: keys, and which scope a request is in."""

from __future__ import annotations

from tests.interop.model import Admin, Case
from tests.support.client import get


def routes(name: str) -> str:
    """A table that answers with its name."""
    answer = f"{{status: 200, body: {{inline_string: {name}}}}}"
    route = f"{{match: {{prefix: /}}, name: r_{name}, direct_response: {answer}}}"
    return f'{{name: {name}, virtual_hosts: [{{name: v, domains: ["*"], routes: [{route}]}}]}}'


def scope(name: str, *key: str, table: str = "") -> str:
    """One scope, with a table of its own name."""
    fragments = ", ".join(f"{{string_key: '{part}'}}" for part in key)
    inside = table or routes(name)
    return f"{{name: {name}, key: {{fragments: [{fragments}]}}, route_configuration: {inside}}}"


def scoped(name: str, builder: str, scopes: tuple[str, ...], *steps: bytes | Admin) -> Case:
    """A connection manager with scoped routes; `builder` is the fragments of its key."""
    hcm = f"""
scoped_routes:
  name: $scopes
  scope_key_builder: {{fragments: [{builder}]}}
  scoped_route_configurations_list:
    scoped_route_configurations: [{", ".join(scopes)}]
"""
    return Case(name, steps, hcm=hcm)


def extractor(header: str, more: str) -> str:
    """One fragment of a key."""
    return f"{{header_value_extractor: {{name: {header}, {more}}}}}"


def asked(*values: str, header: str = "X-A") -> tuple[bytes, ...]:
    """A request for each value of a header."""
    return tuple(get("/", headers=f"{header}: {value}\r\n") for value in values)


WHOLE = extractor("X-A", "index: 0")
PAIR = extractor("x-a", "element_separator: ';', element: {separator: '=', key: k}")
LATER = extractor("x-a", "element_separator: ', ', index: 2")

CASES = (
    scoped(
        "scoped_by_header",
        WHOLE,
        (scope("one", "1"), scope("two", "2"), scope("empty", "")),
        *asked("1", "2", "3", ""),
        get("/"),
        get("/", headers="X-A: 2\r\nX-A: 1\r\n"),
    ),
    scoped(
        "scoped_by_authority",
        extractor("':authority'", "element_separator: '.', index: 1"),
        (scope("b", "b"),),
        get("/", "a.b.c"),
        get("/", "b"),
    ),
    scoped(
        "scoped_by_element",
        PAIR,
        (scope("one", "1"), scope("more", "1=2"), scope("empty", "")),
        *asked("k=1", "j=2;k=1;k=3", "k=1=2", "k", "k=", "kk=1", " k=1", "j=1"),
    ),
    scoped(
        "scoped_by_index",
        LATER,
        (scope("c", "c"), scope("empty", "")),
        *asked("a, b, c", "a, b, c, d", "a, b, ", "a, b", "c", "a,b,c"),
    ),
    scoped(
        "scoped_by_two_fragments",
        f"{WHOLE}, {extractor('x-b', 'index: 0')}",
        (scope("first", "a", "bc"), scope("second", "ab", "c"), scope("short", "a")),
        get("/", headers="X-A: a\r\nX-B: bc\r\n"),
        get("/", headers="X-A: ab\r\nX-B: c\r\n"),
        get("/", headers="X-A: abc\r\nX-B: \r\n"),
        get("/", headers="X-A: a\r\n"),
    ),
    scoped(
        "scoped_names_and_keys_twice",
        WHOLE,
        (
            scope("one", "1"),
            scope("two", "1"),
            scope("same", "c", table=routes("three")),
            scope("same", "d", table=routes("four")),
        ),
        *asked("1", "c", "d"),
    ),
    scoped(
        "scoped_config_dump",
        WHOLE,
        (scope("one", "1"),),
        Admin(
            "/config_dump?resource=inline_scoped_route_configs",
            keep=r"^(?!.*last_updated)(?!.*\$)(.*string_key.*|.*inline_scoped.*|.*inline_string.*)",
        ),
    ),
)
