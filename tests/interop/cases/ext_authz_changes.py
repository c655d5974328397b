"""What a service of ext_authz changes by gRPC: requests and responses, as rules permit."""

from __future__ import annotations

from tests.interop.cases.ext_authz_grpc import checked, denied, header, ok
from tests.interop.model import Case, Differs
from tests.support.client import get

REQUEST_HEADERS = ", ".join(
    [
        header("x-a", "n"),
        header("x-app", "n", "append: true"),
        header("x-new", "n", "append: true"),
        header("x-set", "n", "append: false"),
        header("x-ow", "n", "append_action: OVERWRITE_IF_EXISTS"),
        header("x-abs", "n", "append_action: ADD_IF_ABSENT"),
        header("x-a", "z", "append_action: OVERWRITE_IF_EXISTS_OR_ADD"),
        header("x-empty", ""),
    ]
)
RESPONSE_HEADERS = ", ".join(
    [
        header("x-up", "a"),
        header("x-b", "b", "append: true"),
        header("x-c", "c", "append: false"),
        header("x-c", "d", "append_action: OVERWRITE_IF_EXISTS_OR_ADD"),
        header("x-up", "e", "append_action: ADD_IF_ABSENT"),
        header("x-d", "f", "append_action: ADD_IF_ABSENT"),
        header("x-e", "g", "append_action: OVERWRITE_IF_EXISTS"),
        header("x-b", "h", "append_action: OVERWRITE_IF_EXISTS"),
    ]
)
MANY = ", ".join(header(f"x-{number}") for number in range(99))
MALFORMED = "What would make a message malformed is refused, whatever validate_mutations says"


def ruled(name: str, rules: str) -> Case:
    """Changes of all kinds under rules."""
    set_headers = ("x-a", "x-b", "x-envoy-a", ":path", "host", ":method", "x-forwarded-for")
    values = {":path": "/n", "host": "h", ":method": "PUT"}
    changes = ", ".join(header(each, values.get(each, "v")) for each in set_headers)
    append = header("x-c", "v", "append: true")
    return checked(
        f"rules_{name}",
        get("/x", headers="X-A: 0\r\nX-C: 0\r\nX-D: 0\r\nX-Envoy-D: 0\r\n"),
        fields=f"decoder_header_mutation_rules: {{{rules}}}",
        replies=(ok(f"headers: [{changes}, {append}], headers_to_remove: [x-d, x-envoy-d, host]"),),
    )


CASES = (
    checked(
        "changes_the_request",
        get("/x", headers="X-A: 0\r\nX-App: o\r\nX-Ow: o\r\nX-Rm: o\r\n"),
        replies=(ok(f"headers: [{REQUEST_HEADERS}], headers_to_remove: [x-rm, host, ':path']"),),
    ),
    checked(
        "changes_the_query",
        get("/x?a=1&z=2&a=3&b"),
        get("/x?z=2"),
        replies=(
            ok("query_parameters_to_set: [{key: a, value: '9'}], query_parameters_to_remove: [z]"),
            ok("query_parameters_to_remove: [z]"),
        ),
    ),
    checked(
        "changes_the_response", replies=(ok(f"response_headers_to_add: [{RESPONSE_HEADERS}]"),)
    ),
    checked("changes_too_much", replies=(ok(f"headers: [{MANY}]"),)),
    ruled("default", ""),
    ruled("nothing", "disallow_all: true"),
    ruled("not_system", "disallow_system: true"),
    ruled("everything", "allow_all_routing: true, allow_envoy: true"),
    ruled(
        "expressions",
        "disallow_all: true, allow_expression: {regex: 'x-.*'},"
        " disallow_expression: {regex: 'x-b'}",
    ),
    ruled("error", "disallow_expression: {regex: 'x-b'}, disallow_is_error: true"),
    checked(
        "strict",
        *(get("/x"),) * 5,
        fields="validate_mutations: true",
        replies=(
            ok(f"headers: [{header('x a')}]"),
            ok(f"response_headers_to_add: [{header('x-a', 'a' + chr(92) + 'nb')}]"),
            ok("query_parameters_to_set: [{key: a, value: 'b c'}]"),
            ok("headers_to_remove: ['a b']"),
            denied(f"headers: [{header('x a')}]"),
        ),
    ),
    checked(
        "malformed_request",
        replies=(ok(f"headers: [{header('x a')}]"),),
        differs=Differs(MALFORMED, (500,)),
    ),
    checked(
        "malformed_path",
        replies=(ok("query_parameters_to_set: [{key: a, value: 'b c'}]"),),
        differs=Differs(MALFORMED, (500,)),
    ),
    checked(
        "malformed_response",
        replies=(denied(f"headers: [{header('x a')}]"),),
        differs=Differs(MALFORMED, (500,)),
    ),
    checked(
        "malformed_status",
        replies=(denied("status: {code: 103}"),),
        differs=Differs(MALFORMED, (500,)),
    ),
)
