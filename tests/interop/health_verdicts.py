"""Verdicts of active health checks and of the endpoints that say how they are checked."""

from __future__ import annotations

from tests.interop.verdicts import Verdict, cluster, whole, with_cluster

_TIMES = "timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1"
_SINK = "type.googleapis.com/envoy.extensions.health_check.event_sinks.file.v3"
_ADDRESS = "address: {socket_address: {address: 127.0.0.1, port_value: 1}}"


def check(name: str, kind: str, times: str = _TIMES, differs: str = "") -> Verdict:
    """A health check of this kind."""
    verdict = with_cluster(name, f"health_checks: [{{{times}, {kind}}}]")
    return Verdict(name, verdict.text, differs)


def http(name: str, fields: str, differs: str = "") -> Verdict:
    """A variation of an HTTP health check."""
    return check(name, f"http_health_check: {{path: /hc, {fields}}}", differs=differs)


def endpoint(name: str, config: str, address: str = _ADDRESS) -> Verdict:
    """An endpoint that says how it is checked."""
    host = f"[{{endpoint: {{{address}, health_check_config: {{{config}}}}}}}]"
    tcp = f"health_checks: [{{{_TIMES}, tcp_health_check: {{}}}}]"
    return Verdict(name, whole(clusters=cluster(tcp, hosts=host)))


VERDICTS = (
    check("hc_http", "http_health_check: {path: /}"),
    check("hc_tcp", "tcp_health_check: {}"),
    check("hc_no_kind", "alt_port: 1"),
    check("hc_no_thresholds", "tcp_health_check: {}", "timeout: 1s, interval: 1s"),
    check("hc_zero_thresholds", "tcp_health_check: {}", _TIMES.replace(": 1,", ": 0,")),
    check("hc_no_timeout", "tcp_health_check: {}", _TIMES.replace("timeout: 1s, ", "")),
    check("hc_zero_interval", "tcp_health_check: {}", _TIMES.replace("val: 1s", "val: 0s")),
    check("hc_alt_port", "tcp_health_check: {}, alt_port: 99999"),
    check("hc_named", "tcp_health_check: {}, name: a"),
    check("hc_custom", "custom_health_check: {name: envoy.health_checkers.unknown}"),
    check("hc_grpc_over_http1", "grpc_health_check: {}"),
    check(
        "hc_event_logger",
        "tcp_health_check: {}, event_log_path: /dev/null, event_logger: [{name: f, typed_config:"
        f" {{'@type': {_SINK}.HealthCheckEventFileSink, event_log_path: /dev/null}}}}]",
    ),
    check("hc_event_log_nowhere", "tcp_health_check: {}, event_log_path: /no/such/directory"),
    http("hc_path_empty", "path: ''"),
    http("hc_connect", "method: CONNECT"),
    http("hc_status_empty", "expected_statuses: [{start: 200, end: 200}]"),
    http("hc_status_low", "expected_statuses: [{start: 99, end: 200}]"),
    http("hc_status_high", "retriable_statuses: [{start: 100, end: 601}]"),
    http("hc_send_with_get", "send: {text: '00'}"),
    http("hc_send_with_options", "method: OPTIONS, send: {text: '00'}"),
    http("hc_receive_too_long", "response_buffer_size: 1, receive: [{text: '0000'}]"),
    http("hc_receive_fits", "response_buffer_size: 2, receive: [{text: '0000'}]"),
    http("hc_adds_host", "request_headers_to_add: [{header: {key: host, value: x}}]"),
    http("hc_removes_host", "request_headers_to_remove: [host]"),
    http("hc_bad_format", "request_headers_to_add: [{header: {key: a, value: '%FOO%'}}]"),
    http("hc_alpn_without_tls", "use_alpn_protocol: true"),
    check("hc_payload_empty", "tcp_health_check: {send: {}}"),
    check("hc_payload_odd", "tcp_health_check: {send: {text: abc}}"),
    check("hc_payload_no_hex", "tcp_health_check: {receive: [{text: zz}]}"),
    check(
        "hc_payload_binary",
        "tcp_health_check: {send: {binary: YWJj}}",
        differs="payloads are hexadecimal text; Envoy does not send a binary one over TCP",
    ),
    with_cluster(
        "hc_two",
        f"health_checks: [{{{_TIMES}, tcp_health_check: {{}}, name: a}},"
        f" {{{_TIMES}, tcp_health_check: {{}}, name: b}}]",
    ),
    with_cluster(
        "hc_two_of_one_name",
        f"health_checks: [{{{_TIMES}, tcp_health_check: {{}}, name: a}},"
        f" {{{_TIMES}, tcp_health_check: {{}}, name: a}}]",
    ),
    with_cluster(
        "hc_eight",
        "health_checks: ["
        + ", ".join(f"{{{_TIMES}, tcp_health_check: {{}}, name: a{each}}}" for each in range(8))
        + "]",
    ),
    with_cluster(
        "hc_nine",
        "health_checks: ["
        + ", ".join(f"{{{_TIMES}, tcp_health_check: {{}}, name: a{each}}}" for each in range(9))
        + "]",
    ),
    with_cluster(
        "hc_two_without_names",
        f"health_checks: [{{{_TIMES}, tcp_health_check: {{}}}},"
        f" {{{_TIMES}, tcp_health_check: {{}}}}]",
    ),
    with_cluster("hc_close_connections", "close_connections_on_host_health_failure: true"),
    endpoint("hc_endpoint_port", "port_value: 2"),
    endpoint("hc_endpoint_port_high", "port_value: 99999"),
    endpoint("hc_endpoint_address", _ADDRESS),
    endpoint("hc_endpoint_name", _ADDRESS.replace("127.0.0.1", "localhost")),
    endpoint("hc_endpoint_disabled", "disable_active_health_check: true"),
    endpoint("hc_endpoint_port_of_pipe", "port_value: 2", "address: {pipe: {path: /tmp/x}}"),
)
