"""Headers added to and removed from requests and responses, at each level."""

from __future__ import annotations

from tests.interop.model import Case
from tests.support.client import get
from tests.support.upstream import Script, reply

UPSTREAM = {"up": Script([reply(200, b"x", "X-Up: 1\r\nX-Del: 1\r\nX-Both: up\r\n")])}
ACTIONS = (
    "APPEND_IF_EXISTS_OR_ADD",
    "ADD_IF_ABSENT",
    "OVERWRITE_IF_EXISTS_OR_ADD",
    "OVERWRITE_IF_EXISTS",
)
ASKS = (get("/x", headers="X-In: 1\r\nX-Both: down\r\nX-Del: 1\r\n"), get("/x"))


def level(tag: str) -> str:
    """Mutations that name their level."""
    return f"""
  request_headers_to_add:
  - {{header: {{key: x-level, value: {tag}}}}}
  - {{header: {{key: x-both, value: {tag}}}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}
  request_headers_to_remove: [x-del, x-del-{tag}]
  response_headers_to_add:
  - {{header: {{key: x-level, value: {tag}}}}}
  - {{header: {{key: x-both, value: {tag}}}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}
  response_headers_to_remove: [x-del, x-up-{tag}]
"""


def levels(name: str, specific_wins: bool) -> Case:
    """The same headers changed at route, virtual host and configuration level."""
    indented = level("route").replace("\n", "\n  ")
    return Case(
        name,
        ASKS,
        virtual_hosts=f"""
- name: vh
  domains: ["*"]
{level("vhost")}
  routes:
  - match: {{prefix: /}}
    route: {{cluster: $be}}
{indented}
""",
        route_config=level("table").replace("\n  ", "\n").strip()
        + f"\nmost_specific_header_mutations_wins: {str(specific_wins).lower()}",
        upstreams=UPSTREAM,
    )


def mutated(name: str, fields: str, *requests: bytes) -> Case:
    """Mutations of one route."""
    return Case(
        name,
        requests or ASKS,
        routes=f"- match: {{prefix: /}}\n  route: {{cluster: $be}}\n{fields}",
        upstreams=UPSTREAM,
    )


def formatted(name: str, *formats: str) -> Case:
    """Request and response headers made by formatters."""
    lines = "".join(
        f"  - {{header: {{key: x-f{number}, value: '{text}'}}}}\n"
        for number, text in enumerate(formats)
    )
    fields = (
        f"  name: route-name\n  request_headers_to_add:\n{lines}  response_headers_to_add:\n{lines}"
    )
    return mutated(name, fields, get("/x?q=1", headers="X-In: value\r\nUser-Agent: agent/1\r\n"))


CASES = (
    levels("levels", specific_wins=False),
    levels("levels_most_specific_wins", specific_wins=True),
    *(
        mutated(
            f"append_action_{action.lower()}",
            f"  request_headers_to_add: [{{header: {{key: x-in, value: new}},"
            f" append_action: {action}}}]\n"
            f"  response_headers_to_add: [{{header: {{key: x-up, value: new}},"
            f" append_action: {action}}}, {{header: {{key: x-none, value: new}},"
            f" append_action: {action}}}]",
        )
        for action in ACTIONS
    ),
    mutated(
        "append_bool_false",
        "  request_headers_to_add: [{header: {key: x-in, value: new}, append: false}]",
    ),
    mutated(
        "append_bool_true",
        "  request_headers_to_add: [{header: {key: x-in, value: new}, append: true}]",
    ),
    mutated(
        "empty_value_dropped",
        "  request_headers_to_add: [{header: {key: x-e,"
        " value: '%REQ(x-none)%'}}, {header: {key: x-k, value: '%REQ(x-none)%'},"
        " keep_empty_value: true}]",
    ),
    mutated(
        "remove_many",
        "  request_headers_to_remove: [x-in, x-both, user-agent, accept]\n"
        "  response_headers_to_remove: [x-up, server, date, content-type]",
    ),
    mutated(
        "remove_x_request_id",
        "  request_headers_to_remove: [x-request-id,"
        " x-envoy-expected-rq-timeout-ms, x-forwarded-proto]",
    ),
    mutated(
        "set_host_like",
        "  request_headers_to_add: [{header: {key: x-host, value: n.test},"
        " append_action: OVERWRITE_IF_EXISTS_OR_ADD}]",
    ),
    mutated("upper_case_key", "  request_headers_to_add: [{header: {key: X-Upper, value: v}}]"),
    mutated("percent_escape", "  request_headers_to_add: [{header: {key: x-p, value: '100%%'}}]"),
    formatted(
        "format_request",
        "%REQ(:METHOD)%",
        "%REQ(:PATH)%",
        "%REQ(X-In?X-Other)%",
        "%REQ(X-None?X-In)%",
        "%REQ(X-In):3%",
        "%REQ(X-None)%",
        "%PROTOCOL%",
        "%REQUEST_HEADER(user-agent)%",
    ),
    formatted(
        "format_route",
        "%ROUTE_NAME%",
        "%UPSTREAM_CLUSTER%",
        "%VIRTUAL_CLUSTER_NAME%",
        "a %ROUTE_NAME% b",
    ),
    formatted(
        "format_addresses",
        "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "%DOWNSTREAM_LOCAL_ADDRESS%",
        "%DOWNSTREAM_LOCAL_PORT%",
        "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
        "%DOWNSTREAM_REMOTE_ADDRESS%",
    ),
    formatted(
        "format_response",
        "%RESPONSE_CODE%",
        "%RESP(X-Up)%",
        "%RESPONSE_FLAGS%",
        "%UPSTREAM_HOST%",
        "%RESPONSE_CODE_DETAILS%",
    ),
    formatted(
        "format_constants",
        "%HOSTNAME%",
        "%ENVIRONMENT(NO_SUCH_VARIABLE)%",
        "%REQUESTED_SERVER_NAME%",
        "%DYNAMIC_METADATA(a:b)%",
        "%FILTER_STATE(x)%",
    ),
    Case(
        "cluster_level_none",
        (get("/x"),),
        upstreams=UPSTREAM,
        routes="[{match: {prefix: /}, route: {cluster: $be}, response_headers_to_add: "
        "[{header: {key: set-cookie, value: a=1}}, {header: {key: set-cookie,"
        " value: b=2}}]}]",
    ),
    Case(
        "vhost_attempt_count",
        (get("/x"),),
        virtual_hosts="""
- name: vh
  domains: ["*"]
  include_request_attempt_count: true
  include_attempt_count_in_response: true
  include_is_timeout_retry_header: true
  routes: [{match: {prefix: /}, route: {cluster: $be}}]
""",
    ),
    Case(
        "internal_only_headers",
        (get("/x", headers="X-Int: 1\r\n"),),
        route_config="internal_only_headers: [x-int]",
    ),
    Case(
        "direct_response_headers",
        (get("/x"),),
        routes="[{match: {prefix: /}, direct_response: {status: 200},"
        " response_headers_to_add: [{header: {key: x-d, value: '%RESPONSE_CODE%'}}]}]",
    ),
)
