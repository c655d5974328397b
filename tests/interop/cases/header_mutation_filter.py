"""What the header_mutation filter changes beside headers: queries and trailers."""

from __future__ import annotations

from tests.interop.filters import filtered, route, typed
from tests.interop.model import Case, Differs, Step
from tests.support.client import get
from tests.support.upstream import Script, raw

TRAILERS = "http_protocol_options: {enable_trailers: true}"
UP = {
    "up": Script(
        [
            raw(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Up: one\r\n\r\n"
                b"2\r\nok\r\n0\r\nX-T: up\r\nX-Gone: 1\r\n\r\n"
            )
        ]
    )
}
ASKED = tuple(
    get(target, headers="X-A: one\r\n")
    for target in ("/p", "/p?a=1&c=3&b=2", "/p?a=1&a=2", "/p?", "/p?b&")
)
WITH_TRAILERS = (
    b"POST /x HTTP/1.1\r\nHost: a.test\r\nX-A: one\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n0\r\nX-T: down\r\nX-Gone: 1\r\n\r\n"
)


def mutates(fields: str) -> str:
    """The filter."""
    return typed("header_mutation.v3.HeaderMutation", f"mutations: {{{fields}}}")


def sets(value: str, action: str = "", name: str = "a") -> str:
    """A parameter that is added."""
    how = f", action: {action}" if action else ""
    return f"{{append: {{record: {{key: {name}, value: '{value}'}}{how}}}}}"


def query(name: str, *changes: str) -> Case:
    """Requests whose queries change."""
    filter_ = mutates(f"query_parameter_mutations: [{', '.join(changes)}]")
    return filtered(f"mutated_query_{name}", filter_, *ASKED)


def trailers(name: str, fields: str, *steps: Step | bytes, **more: str) -> Case:
    """A request and a response with trailers."""
    return filtered(
        f"mutated_trailers_{name}",
        mutates(fields),
        *(steps or (WITH_TRAILERS,)),
        hcm=TRAILERS,
        upstreams=UP,
        log="t=%TRAILER(x-t)%",
        **more,
    )


def adds(value: str, name: str = "x-t") -> str:
    """A trailer that is added."""
    return f"{{append: {{header: {{key: {name}, value: '{value}'}}}}}}"


GONE = "{remove: x-gone}"
OF_ROUTE = typed(
    "header_mutation.v3.HeaderMutationPerRoute",
    f"mutations: {{query_parameter_mutations: [{sets('route', name='r')}, {{remove: b}}],"
    f" response_trailers_mutations: [{adds('route')}]}}",
)

CASES = (
    query("appended", sets("x")),
    query("added_if_absent", sets("x", "ADD_IF_ABSENT")),
    query("overwritten", sets("x", "OVERWRITE_IF_EXISTS_OR_ADD")),
    query("overwritten_if_there", sets("x", "OVERWRITE_IF_EXISTS")),
    query("removed", "{remove: a}"),
    query("several", sets("1", name="z"), "{remove: c}", sets("2", name="z")),
    query("formatted", sets("%REQ(x-a)%-%REQ(x-none)%", name="f")),
    query("escaped", sets("a b&c=d/%%20", name="e")),
    filtered(
        "mutated_query_of_escapes",
        mutates(f"query_parameter_mutations: [{sets('x')}]"),
        get("/p?b=%20x&%61=1"),
        differs=Differs("Parameters that do not change stay escaped; Envoy decodes them", (200,)),
    ),
    trailers("of_requests", f"request_trailers_mutations: [{adds('%REQ(x-a)%')}, {GONE}]"),
    trailers("of_responses", f"response_trailers_mutations: [{adds('%RESP(x-up)%')}, {GONE}]"),
    trailers(
        "format",
        f"response_trailers_mutations: [{adds('%TRAILER(x-t)% %REQ(x-a)%', 'x-f')}],"
        f" request_trailers_mutations: [{adds('%REQ(x-a)% %REQ(x-t)%', 'x-f')}]",
    ),
    trailers("none_there", f"request_trailers_mutations: [{adds('a')}]", get("/x")),
    trailers(
        "of_a_route",
        f"response_trailers_mutations: [{adds('filter')}]",
        routes=f"[{route(header_mutation=OF_ROUTE)}]",
    ),
)
