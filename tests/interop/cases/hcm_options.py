"""Options of the HTTP connection manager: addresses, ids, server, hosts and paths."""

from __future__ import annotations

from tests.interop.model import Case
from tests.support.client import get, post
from tests.support.upstream import Script, reply

ID = "11111111-2222-4333-8444-555555555555"
XFF = "X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n"
SPOOFED = (
    "X-Envoy-Internal: true\r\nX-Envoy-External-Address: 9.9.9.9\r\n"
    "X-Forwarded-Client-Cert: By=x\r\nX-Forwarded-Proto: https\r\n"
    "X-Envoy-Upstream-RQ-Timeout-Ms: 1234\r\nX-Envoy-Retry-On: 5xx\r\nX-Envoy-Max-Retries: 2\r\n"
    "X-Envoy-Original-Path: /spoof\r\nX-Envoy-Decorator-Operation: op\r\nX-Envoy-Foo: 1\r\n"
    "X-Envoy-Expected-RQ-Timeout-Ms: 99\r\nX-Envoy-Attempt-Count: 7\r\n"
)
PRESERVE_CASE = (
    "type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3"
    ".PreserveCaseFormatterConfig"
)
LOOPBACK_IS_INTERNAL = (
    "internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}"
)
PATHS = (
    "/a//b",
    "/a/./b/../c",
    "/a%2Fb",
    "/a%2fb%5Cc",
    "/a%5cb",
    "/%41%7E",
    "/a/../../b",
    "/a?x=//..",
)


def asked(name: str, hcm: str, *requests: bytes) -> Case:
    """Requests, each on a connection of its own, under some options."""
    return Case(name, requests or (get("/x"),), hcm=hcm)


def paths(name: str, hcm: str) -> Case:
    """The same odd paths under some options."""
    return asked(name, hcm, *(get(path) for path in PATHS))


def local_reply(name: str, config: str, *requests: bytes) -> Case:
    """Local replies, by routes that make them."""
    routes = """
- {match: {path: /direct}, direct_response: {status: 418, body: {inline_string: teapot}}}
- {match: {path: /down}, route: {cluster: $down}}
- {match: {path: /redirect}, redirect: {host_redirect: other.test}}
- {match: {path: /up}, route: {cluster: $be}}
"""
    return Case(
        name,
        requests or (get("/direct"), get("/down"), get("/none"), get("/redirect"), get("/up")),
        routes=routes,
        hcm=f"local_reply_config:\n{config}",
        clusters="[{name: $be, hosts: [$up]}, {name: $down, hosts: []}]",
        upstreams={"up": Script([reply(503, b"own", reason="Service Unavailable")])},
    )


CASES = (
    asked("xff_not_remote", "", get("/x", headers=XFF), get("/x", headers=SPOOFED)),
    asked(
        "xff_trusted_hops_not_remote", "xff_num_trusted_hops: 1", get("/x", headers=XFF), get("/x")
    ),
    asked("remote_address", "use_remote_address: true", get("/x"), get("/x", headers=XFF)),
    asked("remote_address_spoofed", "use_remote_address: true", get("/x", headers=SPOOFED)),
    asked(
        "remote_address_skip_append",
        "{use_remote_address: true, skip_xff_append: true}",
        get("/x"),
        get("/x", headers=XFF),
    ),
    asked(
        "remote_address_trusted_1",
        "{use_remote_address: true, xff_num_trusted_hops: 1}",
        get("/x", headers=XFF),
        get("/x"),
    ),
    asked(
        "remote_address_trusted_2",
        "{use_remote_address: true, xff_num_trusted_hops: 2}",
        get("/x", headers=XFF),
        get("/x", headers=XFF + SPOOFED),
    ),
    asked(
        "remote_address_internal",
        f"use_remote_address: true\n{LOOPBACK_IS_INTERNAL}",
        get("/x"),
        get("/x", headers=SPOOFED),
        get("/x", headers=XFF),
    ),
    asked(
        "internal_by_xff",
        LOOPBACK_IS_INTERNAL,
        get("/x", headers="X-Forwarded-For: 127.0.0.5\r\n" + SPOOFED),
        get("/x", headers="X-Forwarded-For: 10.0.0.1\r\n"),
    ),
    asked("remote_address_forwarded_port", "append_x_forwarded_port: true"),
    asked(
        "original_ip_xff_extension",
        """
original_ip_detection_extensions:
- name: envoy.http.original_ip_detection.xff
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.http.original_ip_detection.xff.v3.XffConfig
    xff_num_trusted_hops: 1
""",
        get("/x", headers=XFF),
    ),
    asked("via", "via: lateen-test", get("/x"), get("/x", headers="Via: 1.0 other\r\n")),
    Case(
        "via_in_response",
        (get("/x"),),
        hcm="via: me",
        upstreams={"up": Script([reply(200, b"x", "Via: 1.1 origin\r\n")])},
    ),
    asked("server_name", "server_name: my-server"),
    Case(
        "server_append_if_absent",
        (get("/x"), get("/y")),
        hcm="{server_header_transformation: APPEND_IF_ABSENT, server_name: mine}",
        upstreams={"up": Script([reply(200, b"x", "Server: theirs\r\n"), reply()])},
    ),
    Case(
        "server_pass_through",
        (get("/x"), get("/y"), get("/none")),
        hcm="server_header_transformation: PASS_THROUGH",
        routes="[{match: {path: /none}, direct_response: {status: 200}},"
        " {match: {prefix: /}, route: {cluster: $be}}]",
        upstreams={"up": Script([reply(200, b"x", "Server: theirs\r\n"), reply()])},
    ),
    asked("request_id_from_client", "", get("/x", headers=f"X-Request-Id: {ID}\r\n")),
    asked(
        "request_id_from_client_remote",
        "use_remote_address: true",
        get("/x", headers=f"X-Request-Id: {ID}\r\n"),
    ),
    asked(
        "request_id_preserved",
        "{use_remote_address: true, preserve_external_request_id: true}",
        get("/x", headers=f"X-Request-Id: {ID}\r\n"),
        get("/x"),
    ),
    asked("request_id_not_a_uuid", "", get("/x", headers="X-Request-Id: abc\r\n")),
    asked(
        "request_id_off",
        "generate_request_id: false",
        get("/x"),
        get("/x", headers=f"X-Request-Id: {ID}\r\n"),
    ),
    asked(
        "request_id_in_response",
        "always_set_request_id_in_response: true",
        get("/x", headers=f"X-Request-Id: {ID}\r\n"),
    ),
    asked(
        "strip_matching_port",
        "strip_matching_host_port: true",
        get("/x", host="example.com:$listener"),
        get("/x", host="example.com:1"),
        get("/x", host="[::1]:$listener"),
        get("/x"),
    ),
    asked(
        "strip_any_port",
        "strip_any_host_port: true",
        get("/x", host="example.com:8080"),
        get("/x", host="[::1]:80"),
        get("/x"),
    ),
    asked(
        "strip_trailing_dot",
        "strip_trailing_host_dot: true",
        get("/x", host="example.com."),
        get("/x", host="example.com.:80"),
    ),
    asked(
        "add_user_agent",
        "add_user_agent: true",
        get("/x"),
        get("/x", headers="User-Agent: mine\r\n"),
    ),
    paths("paths_as_they_are", ""),
    paths("paths_normalized", "normalize_path: true"),
    paths("paths_merged", "merge_slashes: true"),
    paths("paths_normalized_merged", "{normalize_path: true, merge_slashes: true}"),
    paths("escaped_slashes_keep", "path_with_escaped_slashes_action: KEEP_UNCHANGED"),
    paths("escaped_slashes_reject", "path_with_escaped_slashes_action: REJECT_REQUEST"),
    paths("escaped_slashes_forward", "path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD"),
    paths("escaped_slashes_redirect", "path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT"),
    paths(
        "escaped_slashes_all_options",
        "{path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD,"
        " normalize_path: true, merge_slashes: true}",
    ),
    asked(
        "underscores_reject",
        "common_http_protocol_options: {headers_with_underscores_action: REJECT_REQUEST}",
        get("/x", headers="x_a: 1\r\n"),
        get("/x"),
    ),
    asked(
        "underscores_drop",
        "common_http_protocol_options: {headers_with_underscores_action: DROP_HEADER}",
        get("/x", headers="x_a: 1\r\nx-b: 2\r\n"),
    ),
    asked(
        "http_1_0_accepted",
        "http_protocol_options: {accept_http_10: true}",
        b"GET /x HTTP/1.0\r\nHost: a.test\r\n\r\n",
        b"GET /x HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n",
        b"GET /x HTTP/1.0\r\n\r\n",
    ),
    asked(
        "http_1_0_default_host",
        "http_protocol_options: {accept_http_10: true, default_host_for_http_10: d.test}",
        b"GET /x HTTP/1.0\r\n\r\n",
    ),
    Case(
        "http_1_0_chunked_answer",
        (b"GET /x HTTP/1.0\r\nHost: a.test\r\n\r\n",),
        hcm="http_protocol_options: {accept_http_10: true}",
        upstreams={"up": Script([reply(200, b"x")])},
    ),
    Case(
        "http_header_proper_case",
        (get("/x", headers="x-one-two: 1\r\n"),),
        hcm="http_protocol_options: {header_key_format: {proper_case_words: {}}}",
    ),
    Case(
        "http_header_preserve_case",
        (get("/x", headers="X-oNe-Two: 1\r\n"),),
        hcm=f"""
http_protocol_options:
  header_key_format:
    stateful_formatter:
      name: preserve_case
      typed_config:
        "@type": {PRESERVE_CASE}
""",
    ),
    asked(
        "max_requests_per_connection",
        "common_http_protocol_options: {max_requests_per_connection: 1}",
        get("/x"),
    ),
    asked(
        "proxy_100_continue",
        "proxy_100_continue: true",
        post("/x", b"abc", headers="Expect: 100-continue\r\n"),
    ),
    asked(
        "suppress_envoy_headers",
        """
http_filters:
- name: envoy.filters.http.router
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
    suppress_envoy_headers: true
""",
    ),
    asked(
        "router_respects_expected_timeout",
        """
http_filters:
- name: envoy.filters.http.router
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
    respect_expected_rq_timeout: true
""",
        get("/x", headers="x-envoy-expected-rq-timeout-ms: 700\r\n"),
    ),
    asked("scheme_overwrite", "scheme_header_transformation: {scheme_to_overwrite: https}"),
    asked(
        "forwarded_proto_from_client",
        "",
        get("/x", headers="X-Forwarded-Proto: https\r\n"),
        get("/x", headers="X-Forwarded-Proto: ftp\r\n"),
    ),
    asked("stat_prefix_with_dots", "stat_prefix: $http.with.dots"),
    local_reply(
        "local_reply_body_format",
        "  body_format: {text_format_source: {inline_string: "
        "'%RESPONSE_CODE% %LOCAL_REPLY_BODY% %REQ(:PATH)%'}}",
    ),
    local_reply(
        "local_reply_json_format",
        """
  body_format:
    json_format:
      status: '%RESPONSE_CODE%'
      message: '%LOCAL_REPLY_BODY%'
      nested: {path: '%REQ(:path)%'}
""",
    ),
    local_reply(
        "local_reply_content_type",
        """
  body_format:
    text_format_source: {inline_string: '<h1>%RESPONSE_CODE%</h1>'}
    content_type: text/html; charset=UTF-8
""",
    ),
    local_reply(
        "local_reply_mapper_status",
        """
  mappers:
  - filter:
      status_code_filter:
        comparison: {op: EQ, value: {default_value: 404, runtime_key: k}}
    status_code: 410
    body: {inline_string: gone}
    headers_to_add: [{header: {key: x-mapped, value: "yes"}}]
  - filter: {response_flag_filter: {flags: [UH]}}
    status_code: 599
    body_format_override: {text_format_source: {inline_string: 'flags=%RESPONSE_FLAGS%'}}
""",
    ),
    local_reply(
        "local_reply_mapper_header",
        """
  mappers:
  - filter: {header_filter: {header: {name: x-test, string_match: {exact: "1"}}}}
    headers_to_add:
    - {header: {key: x-added, value: "%REQ(:METHOD)%"}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}
""",
        get("/direct", headers="X-Test: 1\r\n"),
        get("/direct"),
    ),
    local_reply(
        "local_reply_mapper_codec_error",
        """
  mappers:
  - filter:
      status_code_filter:
        comparison: {op: GE, value: {default_value: 400, runtime_key: k}}
    body: {inline_string: bad}
""",
        b"GARBAGE\r\n\r\n",
        get("/none"),
    ),
)
