"""Access logs: formats, command operators and filters."""

from __future__ import annotations

from tests.interop.model import Case, Step
from tests.support.client import get, post
from tests.support.upstream import Script, reply

FILE_LOG = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
RICH = get("/p?q=1", headers='X-In: v\r\nUser-Agent: agent/1\r\nX-Quote: a"b\\c\r\n')
UPSTREAM = {"up": Script([reply(200, b"hello", "X-Up: u1\r\nX-Odd: \xe9\r\n")])}


def logged(name: str, log_format: str, *requests: bytes | Step) -> Case:
    """One log format over some requests."""
    return Case(
        name, requests or (RICH,), log_format=f"{log_format}\n", upstreams=UPSTREAM, stats="",
        routes="[{match: {path: /direct}, direct_response: {status: 204}},"
        " {match: {prefix: /down}, route: {cluster: $down}},"
        " {match: {prefix: /}, name: main-route, route: {cluster: $be}}]",
        clusters="[{name: $be, hosts: [$up]}, {name: $down, hosts: [$dead]}]",
    )  # fmt: skip


def log(fields: str, kind: str = FILE_LOG, filtered: str = "") -> str:
    """The `access_log` field of a connection manager."""
    path = "path: $dir/access.log, " if kind == FILE_LOG else ""
    lines = f'access_log:\n- name: l\n  typed_config: {{"@type": {kind}, {path}{fields}}}'
    return f"{lines}\n  filter: {filtered}\n" if filtered else lines


def json_logged(name: str, fields: str, *requests: bytes) -> Case:
    """A JSON log format over some requests."""
    return Case(
        name, requests or (RICH,), hcm=log(f"log_format: {{{fields}}}"), upstreams=UPSTREAM,
        stats="",
    )  # fmt: skip


def filtered(name: str, condition: str, *requests: bytes) -> Case:
    """A log filter over requests with different ends."""
    text = "log_format: {text_format_source: {inline_string: '%REQ(:PATH)% %RESPONSE_CODE%\\n'}}"
    text = text.replace("'", '"')
    return Case(
        name,
        requests or (get("/ok"), get("/direct"), get("/down"), get("/none/x")),
        hcm=log(text, filtered=condition),
        virtual_hosts="""
- name: vh
  domains: ["*"]
  routes:
  - {match: {path: /direct}, direct_response: {status: 403}}
  - {match: {prefix: /down}, route: {cluster: $down}}
  - {match: {prefix: /ok}, route: {cluster: $be}}
""",
        clusters="[{name: $be, hosts: [$up]}, {name: $down, hosts: [$dead]}]",
        upstreams=UPSTREAM,
        stats="",
    )


def compare(op: str, value: int) -> str:
    """A status code filter."""
    comparison = f"{{op: {op}, value: {{default_value: {value}, runtime_key: k}}}}"
    return f"{{status_code_filter: {{comparison: {comparison}}}}}"


def headers(matcher: str) -> str:
    """A header filter."""
    return f"{{header_filter: {{header: {{{matcher}}}}}}}"


NOT_HEALTH = "{not_health_check_filter: {}}"
SUBSTITUTE = '{text_format_source: {inline_string: "%REQ(:PATH)% %START_TIME(%Y-%m-%d)%\\n"}}'

CASES = (
    logged(
        "op_request",
        "%REQ(:METHOD)%|%REQ(:PATH)%|%REQ(:AUTHORITY)%|%REQ(:SCHEME)%|%PROTOCOL%|"
        "%REQ(X-IN)%|%REQ(x-none)%|%REQ(x-none?x-in)%|%REQ(USER-AGENT):5%|%REQ(X-Quote)%",
    ),
    logged(
        "op_path",
        "%PATH%|%PATH(WQ)%|%PATH(NQ)%|%PATH(WQ:ORIG)%|%PATH(NQ:PATH)%|%QUERY_PARAM(q)%|"
        "%QUERY_PARAM(z)%|%QUERY_PARAMS(ORIG)%|%QUERY_PARAMS(DECODED)%",
    ),
    logged(
        "op_response",
        "%RESP(X-UP)%|%RESP(x-none)%|%RESP(:STATUS)%|%RESP(x-none?x-up)%|"
        "%RESPONSE_CODE%|%RESPONSE_CODE_DETAILS%|%RESP(SERVER)%|%RESP(CONTENT-LENGTH)%",
    ),
    logged(
        "op_flags",
        "%RESPONSE_FLAGS%|%RESPONSE_FLAGS_LONG%|%RESPONSE_CODE_DETAILS%|"
        "%CONNECTION_TERMINATION_DETAILS%|%UPSTREAM_TRANSPORT_FAILURE_REASON%",
        RICH,
        get("/down"),
        get("/direct"),
        b"GARBAGE\r\n\r\n",
    ),
    logged(
        "op_bytes",
        "%BYTES_RECEIVED%|%BYTES_SENT%|%REQUEST_HEADERS_BYTES%|"
        "%RESPONSE_TRAILERS_BYTES%|%DOWNSTREAM_HEADER_BYTES_RECEIVED%|"
        "%DOWNSTREAM_WIRE_BYTES_RECEIVED%|%UPSTREAM_HEADER_BYTES_SENT%|%UPSTREAM_WIRE_BYTES_SENT%|"
        "%UPSTREAM_WIRE_BYTES_RECEIVED%|%UPSTREAM_HEADER_BYTES_RECEIVED%",
        post("/x", b"abc"),
        get("/direct"),
    ),
    logged(
        "op_bytes_sent",
        "%DOWNSTREAM_HEADER_BYTES_SENT%|%DOWNSTREAM_WIRE_BYTES_SENT%|%RESPONSE_HEADERS_BYTES%",
        get("/direct"),
    ),
    logged(
        "op_upstream",
        "%UPSTREAM_HOST%|%UPSTREAM_CLUSTER%|%UPSTREAM_CLUSTER_RAW%|"
        "%UPSTREAM_LOCAL_ADDRESS%|%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%|%UPSTREAM_LOCAL_PORT%|"
        "%UPSTREAM_REMOTE_ADDRESS%|%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%|%UPSTREAM_REMOTE_PORT%|"
        "%UPSTREAM_REQUEST_ATTEMPT_COUNT%|%UPSTREAM_PROTOCOL%|%UPSTREAM_HOST_NAME%|"
        "%UPSTREAM_HOST_NAME_WITHOUT_PORT%",
        RICH,
        get("/direct"),
        get("/down"),
    ),
    logged(
        "op_downstream",
        "%DOWNSTREAM_REMOTE_ADDRESS%|%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%|"
        "%DOWNSTREAM_REMOTE_PORT%|%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%|"
        "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%|%DOWNSTREAM_DIRECT_REMOTE_PORT%|"
        "%DOWNSTREAM_LOCAL_ADDRESS%|%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%|"
        "%DOWNSTREAM_LOCAL_PORT%|%DOWNSTREAM_TRANSPORT_FAILURE_REASON%",
    ),
    logged(
        "op_tls_absent",
        "%REQUESTED_SERVER_NAME%|%DOWNSTREAM_TLS_VERSION%|%DOWNSTREAM_TLS_CIPHER%|"
        "%DOWNSTREAM_PEER_SUBJECT%|%DOWNSTREAM_PEER_URI_SAN%|%DOWNSTREAM_LOCAL_SUBJECT%|"
        "%UPSTREAM_TLS_VERSION%|%UPSTREAM_PEER_CERT%|%TLS_JA3_FINGERPRINT%",
    ),
    logged(
        "op_names",
        "%ROUTE_NAME%|%VIRTUAL_CLUSTER_NAME%|%FILTER_CHAIN_NAME%|%ACCESS_LOG_TYPE%|"
        "%DYNAMIC_METADATA(a:b)%|%CLUSTER_METADATA(a:b)%|%UPSTREAM_METADATA(a:b)%|"
        "%FILTER_STATE(a)%|%METADATA(ROUTE:a:b)%|%CUSTOM_FLAGS%",
    ),
    logged(
        "op_environment",
        "%ENVIRONMENT(NO_SUCH_ONE)%|%GRPC_STATUS%|%GRPC_STATUS_NUMBER%|"
        "%TRACE_ID%|%SPAN_ID%|%LOCAL_REPLY_BODY%",
        RICH,
        get("/down"),
    ),
    logged(
        "op_grpc_status",
        "%GRPC_STATUS%|%GRPC_STATUS(CAMEL_STRING)%|%GRPC_STATUS(SNAKE_STRING)%|"
        "%GRPC_STATUS(NUMBER)%|%GRPC_STATUS_NUMBER%",
        post("/a.B/C", b"", headers="Content-Type: application/grpc\r\n"),
        post("/down", b"", headers="Content-Type: application/grpc\r\n"),
    ),
    logged(
        "op_start_time_formats", "%START_TIME(%Y)%|%START_TIME(a %% b)%|%EMIT_TIME(%Y)%|literal"
    ),
    logged("op_trailers", "%TRAILER(x-t)%|%GRPC_STATUS%"),
    logged("op_unknown_length", "%REQ(X-IN):0%|%REQ(X-IN):100%|%RESP(X-UP):1%|%PROTOCOL%"),
    logged("op_percent_and_utf8", "100%% \u00e9 %REQ(X-IN)%"),
    logged(
        "op_coalesce",
        '%COALESCE({"operators": [{"command": "REQ", "param": "x-none"},'
        ' {"command": "REQ", "param": "x-in"}]})%',
    ),
    *(
        logged(
            f"op_more_{name}",
            "|".join(f"%{command}%" for command in commands.split()),
            RICH,
            get("/direct"),
            get("/down"),
            b"GARBAGE\r\n\r\n",
        )
        for name, commands in (
            (
                "headers",
                "REQ(X-IN?X-Q):2 REQ(:PATH?X-IN) REQUEST_HEADER(x-in) RESPONSE_HEADER(x-up):1"
                " RESPONSE_TRAILER(a) STREAM_INFO_REQ(x-in) XFCC_VALUE(uri) RESP(X-ODD) REQ(HOST)",
            ),
            (
                "paths",
                "PATH(WQ):3 PATH(NQ) PATH(WQ:ORIG_OR_PATH) PATH(:PATH) PATH:2 QUERY_PARAM(q):1"
                " QUERY_PARAMS QUERY_PARAMS(ORIG):2",
            ),
            (
                "state",
                "FILTER_STATE(a) FILTER_STATE(a:PLAIN):3 FILTER_STATE(a:TYPED)"
                " FILTER_STATE(a:FIELD:b) UPSTREAM_FILTER_STATE(a) DYNAMIC_METADATA(a:b:c):5",
            ),
            (
                "metadata",
                "METADATA(DYNAMIC:a:b) METADATA(CLUSTER:a) METADATA(ROUTE:a):3"
                " METADATA(LISTENER:a) METADATA(UPSTREAM_HOST:a) METADATA(VIRTUAL_HOST:a)"
                " METADATA(LISTENER_FILTER_CHAIN:a)",
            ),
            (
                "names",
                "REQUESTED_SERVER_NAME(SNI_ONLY) REQUESTED_SERVER_NAME(HOST_FIRST)"
                " REQUESTED_SERVER_NAME(HOST_FIRST:ORIG) REQUESTED_SERVER_NAME(SNI_FIRST)"
                " LISTENER_NAME ROUTE_RESOLUTION_COUNT UPSTREAM_CLUSTER_RAW",
            ),
            (
                "durations",
                "COMMON_DURATION(DS_RX_BEG:NOPE:ms) COMMON_DURATION(US_HS_END:US_TX_BEG:ms)"
                " COMMON_DURATION(DS_CX_BEG:DS_CX_END:ms) ROUNDTRIP_DURATION"
                " DOWNSTREAM_HANDSHAKE_DURATION",
            ),
            (
                "addresses",
                "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(8)"
                " DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(16) DOWNSTREAM_DIRECT_LOCAL_ADDRESS"
                " DOWNSTREAM_DIRECT_LOCAL_PORT UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(8)"
                " DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID",
            ),
            (
                "attempts",
                "UPSTREAM_HOSTS_ATTEMPTED UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT"
                " UPSTREAM_HOST_NAMES_ATTEMPTED UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT"
                " UPSTREAM_REQUEST_ATTEMPT_COUNT",
            ),
            (
                "closes",
                "DOWNSTREAM_DETECTED_CLOSE_TYPE DOWNSTREAM_LOCAL_CLOSE_REASON"
                " UPSTREAM_DETECTED_CLOSE_TYPE UPSTREAM_LOCAL_CLOSE_REASON"
                " DOWNSTREAM_TRANSPORT_FAILURE_REASON",
            ),
            (
                "bytes",
                "BYTES_RETRANSMITTED PACKETS_RETRANSMITTED"
                " DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED"
                " UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT",
            ),
            (
                "empty_arguments",
                "PROTOCOL() RESPONSE_CODE() START_TIME(abc) GRPC_STATUS()"
                " ACCESS_LOG_TYPE() CUSTOM_FLAGS()",
            ),
        )
    ),
    logged("op_request_id", "%STREAM_ID%|%REQ(X-REQUEST-ID)%"),
    json_logged(
        "json_types",
        "json_format: {s: '%REQ(X-IN)%', code: '%RESPONSE_CODE%',"
        " none: '%REQ(x-none)%', mixed: 'a %RESPONSE_CODE% b', lit: plain, num: 5,"
        " flag: true, nested: {b: '%BYTES_SENT%', a: [1, '%PROTOCOL%']}, null_one: null}",
    ),
    json_logged(
        "json_omit_empty",
        "omit_empty_values: true, json_format: {s: '%REQ(X-IN)%',"
        " none: '%REQ(x-none)%', mixed: 'a%REQ(x-none)%', nested: {none: '%REQ(y)%'}}",
    ),
    json_logged(
        "json_escapes",
        "json_format: {q: '%REQ(X-QUOTE)%', u: '%RESP(X-ODD)%', path: '%REQ(:PATH)%'}",
    ),
    json_logged(
        "json_sorted",
        "json_format: {z: '1', a: '2', M: '3', b: '4'},"
        " json_format_options: {sort_properties: true}",
    ),
    json_logged(
        "text_omit_empty",
        "omit_empty_values: true,"
        ' text_format_source: {inline_string: "[%REQ(x-none)%] [%REQ(X-IN)%]\\n"}',
    ),
    json_logged("text_format_old", 'text_format: "%REQ(:METHOD)% old\\n"'),
    Case("log_field_format", (RICH,), hcm=log('format: "%REQ(:PATH)% by field\\n"'), stats=""),
    Case(
        "log_field_json",
        (RICH,),
        hcm=log("json_format: {a: '%REQ(:PATH)%', n: '%RESPONSE_CODE%'}"),
        stats="",
    ),
    Case(
        "log_field_typed_json",
        (RICH,),
        hcm=log("typed_json_format: {a: '%REQ(:PATH)%', n: '%RESPONSE_CODE%'}"),
        stats="",
    ),
    Case(
        "log_two_loggers",
        (RICH,),
        hcm=log(f"log_format: {SUBSTITUTE}")
        + f'\n- name: m\n  typed_config: {{"@type": {FILE_LOG}, path: $dir/access.log,'
        ' log_format: {text_format_source: {inline_string: "second\\n"}}}',
        stats="",
        log_format="",
        unordered=True,
    ),
    Case(
        "log_no_route_table",
        (get("/x", host="other.test"),),
        virtual_hosts="""
- {name: vh, domains: [a.test], routes: [{match: {prefix: /}, route: {cluster: $be}}]}
""",
    ),
    filtered("filter_status_ge", compare("GE", 400)),
    filtered("filter_status_le", compare("LE", 200)),
    filtered("filter_status_eq", compare("EQ", 403)),
    filtered("filter_status_ne", compare("NE", 403)),
    filtered(
        "filter_duration_ge",
        "{duration_filter: {comparison: {op: GE, value: {default_value: 100000, runtime_key: k}}}}",
    ),
    filtered(
        "filter_duration_le",
        "{duration_filter: {comparison: {op: LE, value: {default_value: 100000, runtime_key: k}}}}",
    ),
    filtered("filter_not_health_check", NOT_HEALTH),
    filtered("filter_traceable", "{traceable_filter: {}}"),
    filtered(
        "filter_runtime_all",
        "{runtime_filter: {runtime_key: a.b, percent_sampled: {numerator: 100}}}",
    ),
    filtered(
        "filter_runtime_none",
        "{runtime_filter: {runtime_key: a.b, percent_sampled: {numerator: 0}}}",
    ),
    filtered(
        "filter_and", f"{{and_filter: {{filters: [{compare('GE', 400)}, {compare('LE', 403)}]}}}}"
    ),
    filtered(
        "filter_or", f"{{or_filter: {{filters: [{compare('EQ', 200)}, {compare('EQ', 403)}]}}}}"
    ),
    filtered(
        "filter_header",
        headers("name: x-log, string_match: {exact: 'yes'}"),
        get("/ok", headers="X-Log: yes\r\n"),
        get("/ok"),
    ),
    filtered("filter_flags_any", "{response_flag_filter: {}}"),
    filtered("filter_flags_some", "{response_flag_filter: {flags: [NR]}}"),
    filtered("filter_log_type", "{log_type_filter: {types: [DownstreamEnd]}}"),
    filtered(
        "filter_grpc_status",
        "{grpc_status_filter: {statuses: [UNAVAILABLE]}}",
        post("/down", b"", headers="Content-Type: application/grpc\r\n"),
        post("/ok", b"", headers="Content-Type: application/grpc\r\n"),
    ),
    Case(
        "log_flush_on_new_request",
        (get("/x"),),
        hcm="access_log_options: {flush_access_log_on_new_request: true}",
        log_format="%ACCESS_LOG_TYPE% %RESPONSE_CODE%\n",
        stats="",
    ),
    Case(
        "log_listener_level",
        (get("/x"),),
        listener=f"""
access_log:
- name: l
  typed_config:
    "@type": {FILE_LOG}
    path: $dir/access.log
    log_format: {{text_format_source: {{inline_string: "conn %DOWNSTREAM_REMOTE_ADDRESS%\\n"}}}}
""",
        log_format="request %RESPONSE_CODE%\n",
        stats="",
        unordered=True,
    ),
)
