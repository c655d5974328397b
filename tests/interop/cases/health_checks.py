"""Active health checks: what is asked, what the answers make of hosts, and what is seen of it.

Hosts are checked once in each case: intervals are long. What comes of more checks is compared by
test_health_check_events.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.interop.cases.http2_upstream import OPTIONS
from tests.interop.model import Admin, Case, Step, Wait
from tests.support.client import get
from tests.support.http2 import Data, Headers
from tests.support.http2_upstream import Answer2, Script2, reply2
from tests.support.upstream import Close, Hold, Script, Take, TlsServer, raw, reply, tcp

GOOD = reply(200, b"good")
UNAVAILABLE = reply(503, b"fail", reason="Service Unavailable")
# Time for what a response says to reach Envoy's main thread, and its worker.
SEEN = Wait(0.3)
SHOWN = (
    Admin("/clusters?filter=$be$", keep=r"^.*::health_flags::.*$"),
    Admin("/clusters?format=json&filter=$be$", keep="(?i)active|excluded|pending|eds_"),
)
TIMES = (
    "timeout: 5s, interval: 60s, unhealthy_threshold: 2, healthy_threshold: 2,"
    " no_traffic_interval: 60s"
)
SPARE = """
    [{name: $be, connect_timeout: 1s, health_checks: [{TIMES, CHECK}], MORE
      load_assignment: {cluster_name: x, endpoints: [
        {lb_endpoints: [{endpoint: {address: {socket_address:
          {address: 127.0.0.1, port_value: $FIRST}}, CONFIG}}]},
        {priority: 1, lb_endpoints: [{endpoint: {address: {socket_address:
          {address: 127.0.0.1, port_value: $spare}},
          health_check_config: {disable_active_health_check: true}}}]}]}}]
"""
H2 = (
    f"typed_extension_protocol_options: {{{OPTIONS}: {{'@type': type.googleapis.com/{OPTIONS},"
    " explicit_http_config: {http2_protocol_options: {}}}},"
)
TLS = (
    "transport_socket: {name: tls, typed_config: {'@type': type.googleapis.com/"
    "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: a.test}},"
)


def checked(
    name: str,
    check: str,
    script: Script | Script2 | None = None,
    *,
    times: str = TIMES,
    config: str = "hostname: first",
    more: str = "",
    steps: tuple[Step | bytes, ...] = (get("/1"), *SHOWN),
    first: str = "up",
    upstreams: Mapping[str, Script | Script2] | None = None,
    **given: object,
) -> Case:
    """Requests to a host that is checked, and to a spare one that is not when the first fails."""
    clusters = SPARE.replace("CHECK", check).replace("TIMES", times).replace("FIRST", first)
    clusters = clusters.replace("CONFIG", config).replace("MORE", more)
    spare: Script | Script2 = Script2([reply2()]) if more == H2 else Script([GOOD])
    return Case(
        name,
        steps,
        clusters=clusters,
        upstreams=upstreams or {"up": script or Script([GOOD]), "spare": spare},
        **given,  # type: ignore[arg-type]
    )


def http(fields: str = "") -> str:
    """An HTTP health check."""
    return f"http_health_check: {{path: /hc{', ' + fields if fields else ''}}}"


def answers(*, check: object = GOOD, others: object = GOOD) -> Script:
    """What the host answers to its checks and to requests."""
    return Script([others], paths={"/hc": [check]})  # type: ignore[list-item]


HTTP = (
    checked("health_http", http()),
    checked("health_http_fails", http(), answers(check=UNAVAILABLE)),
    checked("health_http_refused", http(), first="dead"),
    checked("health_http_closes", http(), answers(check=raw(Close()))),
    checked("health_http_garbage", http(), answers(check=raw(b"garbage\r\n\r\n", Close()))),
    checked(
        "health_http_timeout",
        http(),
        answers(check=raw(Hold())),
        times=TIMES.replace("5s", "0.2s"),
    ),
    checked(
        "health_http_cut",
        http(),
        answers(check=raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", Close())),
    ),
    checked(
        "health_http_until_close",
        http(),
        answers(check=raw(b"HTTP/1.1 200 OK\r\n\r\nabc", Close())),
    ),
    checked(
        "health_http_interim",
        http(),
        answers(
            check=raw(
                b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
            )
        ),
    ),
    checked(
        "health_http_degraded",
        http(),
        answers(check=reply(200, b"", "x-envoy-degraded: \r\n")),
        steps=(get("/1"), *SHOWN),
    ),
    checked(
        "health_http_immediate_fail",
        http(),
        answers(check=reply(503, b"", "x-envoy-immediate-health-check-fail: true\r\n")),
    ),
    checked(
        "health_http_immediate_fail_of_200",
        http(),
        answers(check=reply(200, b"", "x-envoy-immediate-health-check-fail: true\r\n")),
    ),
    checked(
        "health_http_expected_statuses",
        http("expected_statuses: [{start: 201, end: 202}, {start: 500, end: 504}]"),
        answers(check=UNAVAILABLE),
    ),
    checked(
        "health_http_unexpected_status",
        http("expected_statuses: [{start: 201, end: 202}]"),
    ),
    checked(
        "health_http_retriable_status",
        http("retriable_statuses: [{start: 503, end: 504}]"),
        answers(check=UNAVAILABLE),
    ),
    checked(
        "health_http_head",
        http("method: HEAD"),
        answers(check=raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")),
    ),
    checked("health_http_post", http("method: POST, send: {text: '616263'}")),
    checked("health_http_put_without_body", http("method: PUT")),
    checked("health_http_receive", http("receive: [{text: '676f'}, {text: '64'}]")),
    checked("health_http_receive_other", http("receive: [{text: '64'}, {text: '67'}]")),
    checked(
        "health_http_receive_beyond_the_buffer",
        http("receive: [{text: '64'}], response_buffer_size: 3"),
    ),
    checked(
        "health_http_receive_without_limit",
        http("receive: [{text: '7a'}], response_buffer_size: 0"),
        answers(check=reply(200, b"a" * 5000 + b"z")),
    ),
    checked("health_http_host", http("host: checked.test"), config="hostname: h"),
    checked(
        "health_http_host_of_the_endpoint",
        http("host: checked.test"),
        config="health_check_config: {hostname: own.test}",
    ),
    checked(
        "health_http_headers",
        http(
            "request_headers_to_add: [{header: {key: x-a, value: '%PROTOCOL% %UPSTREAM_CLUSTER%'}},"
            " {header: {key: user-agent, value: mine}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}],"
            " request_headers_to_remove: [x-b]"
        ),
    ),
    checked(
        "health_http_service_name",
        http("service_name_matcher: {prefix: web}"),
        answers(check=reply(200, b"", "x-envoy-upstream-healthchecked-cluster: web-1\r\n")),
    ),
    checked(
        "health_http_other_service_name",
        http("service_name_matcher: {prefix: web}"),
        answers(check=reply(200, b"", "x-envoy-upstream-healthchecked-cluster: db\r\n")),
    ),
    checked("health_http_no_service_name", http("service_name_matcher: {exact: ''}")),
    checked(
        "health_http_service_name_not_verified",
        http("service_name_matcher: {prefix: web}"),
        bootstrap="layered_runtime: {layers: [{name: a, static_layer:"
        " {health_check: {verify_cluster: 0}}}]}",
    ),
    checked(
        "health_http_other_port",
        http(),
        config="health_check_config: {port_value: $aside}",
        upstreams={
            "up": Script([GOOD]),
            "spare": Script([GOOD]),
            "aside": Script([UNAVAILABLE]),
        },
    ),
    checked(
        "health_http_other_address",
        http(),
        first="dead",
        config="health_check_config: {address: {socket_address: {address: 127.0.0.1,"
        " port_value: $up}}}",
    ),
    checked("health_http_no_reuse", http(), times=f"{TIMES}, reuse_connection: false"),
    checked(
        "health_http2",
        http("codec_client_type: HTTP2"),
        Script2([reply2()]),
        more=H2,
        ignore_stats="cx_tx_bytes|http2",
    ),
    checked(
        "health_http2_fails",
        http("codec_client_type: HTTP2"),
        Script2([reply2()], paths={"/hc": [reply2(503)]}),
        more=H2,
        ignore_stats="cx_tx_bytes|http2",
    ),
    checked("health_http_tls", http(), more=TLS, steps=SHOWN, upstream_tls={"up": TlsServer()}),
    checked(
        "health_http_tls_alpn",
        f"tls_options: {{alpn_protocols: [a, http/1.1]}}, {http()}",
        more=TLS,
        steps=SHOWN,
        upstream_tls={"up": TlsServer(alpn=("http/1.1",))},
    ),
    checked(
        "health_http_socket_criteria",
        f"transport_socket_match_criteria: {{secure: 'yes'}}, {http()}",
        more="transport_socket_matches: [{name: m, match: {secure: 'yes'}, "
        + TLS.rstrip(",")
        + "}],",
        steps=SHOWN,
        ignore_stats="total_match_count",
        upstream_tls={"up": TlsServer()},
    ),
)
PASSIVE = (
    checked(
        "health_response_fails_its_host",
        http(),
        answers(others=reply(200, b"x", "x-envoy-immediate-health-check-fail: true\r\n")),
        steps=(get("/1"), SEEN, get("/2"), *SHOWN),
    ),
    checked(
        "health_response_of_an_unchecked_host",
        http(),
        Script([reply(200, b"x", "x-envoy-immediate-health-check-fail: true\r\n")]),
        config="health_check_config: {disable_active_health_check: true}",
        steps=(get("/1"), SEEN, get("/2"), *SHOWN),
    ),
)
BALANCING = (
    Case(
        "health_no_host_left",
        (get("/1"), *SHOWN),
        clusters=f"[{{name: $be, health_checks: [{{{TIMES}, {http()}}}],"
        " common_lb_config: {healthy_panic_threshold: {value: 0}}, hosts: [$up]}]",
        upstreams={"up": Script([UNAVAILABLE])},
    ),
    Case(
        "health_panic",
        (get("/1"), *SHOWN),
        clusters=f"[{{name: $be, health_checks: [{{{TIMES}, {http()}}}], hosts: [$up]}}]",
        upstreams={"up": Script([GOOD], paths={"/hc": [UNAVAILABLE]})},
    ),
    Case(
        "health_initial_jitter",
        (get("/1"), *SHOWN),
        clusters="[{name: $be, health_checks: [{TIMES, initial_jitter: 0.3s, CHECK}],"
        " hosts: [$up]}]".replace("TIMES", TIMES).replace("CHECK", http()),
    ),
)
TCP = (
    checked("health_tcp_connects", "tcp_health_check: {}", Script([GOOD])),
    checked("health_tcp_refused", "tcp_health_check: {}", first="dead"),
    checked(
        "health_tcp_payload",
        "tcp_health_check: {send: {text: '70696e67'}, receive: [{text: '70'}, {text: '67'}]}",
        tcp(Take(4), b"pong", Hold()),
        steps=SHOWN,
    ),
    checked(
        "health_tcp_other_payload",
        "tcp_health_check: {receive: [{text: '70'}]}",
        tcp(b"abc", Close()),
    ),
    checked(
        "health_tcp_silence",
        "tcp_health_check: {receive: [{text: '70'}]}",
        tcp(b"abc", Hold()),
        times=TIMES.replace("5s", "0.2s"),
    ),
    checked(
        "health_tcp_proxy_header_v2",
        "tcp_health_check: {proxy_protocol_config: {version: V2}, receive: [{text: '70'}]}",
        tcp(Take(16), b"p", Hold()),
        steps=SHOWN,
    ),
)


def grpc(*moves: object, fields: str = "") -> tuple[str, Script2]:
    """A gRPC health check and what is answered."""
    answer = Answer2(tuple(moves))  # type: ignore[arg-type]
    paths = {"/grpc.health.v1.Health/Check": [answer]}
    return f"grpc_health_check: {{{fields}}}", Script2([reply2()], paths=paths)


HEAD = Headers([(":status", "200"), ("content-type", "application/grpc")])
SERVING = Data(b"\0\0\0\0\x02\x08\x01")


def trailers(status: str) -> Headers:
    """The end of a call."""
    return Headers([("grpc-status", status)], end=True)


def of_grpc(name: str, *moves: object, fields: str = "") -> Case:
    """A host that is asked by gRPC."""
    check, script = grpc(*moves, fields=fields)
    return checked(name, check, script, more=H2, ignore_stats="cx_tx_bytes|http2")


GRPC = (
    of_grpc("health_grpc_serving", HEAD, SERVING, trailers("0")),
    of_grpc("health_grpc_not_serving", HEAD, Data(b"\0\0\0\0\x02\x08\x02"), trailers("0")),
    of_grpc("health_grpc_status", HEAD, SERVING, trailers("14")),
    of_grpc("health_grpc_no_message", HEAD, trailers("0")),
    of_grpc(
        "health_grpc_trailers_only",
        Headers(
            [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "12")],
            end=True,
        ),
    ),
    of_grpc("health_grpc_http_error", Headers([(":status", "404")], end=True)),
    of_grpc(
        "health_grpc_request",
        HEAD,
        SERVING,
        trailers("0"),
        fields="service_name: svc, authority: a.test,"
        " initial_metadata: [{header: {key: x-a, value: b}}]",
    ),
)

CASES = (*HTTP, *PASSIVE, *BALANCING, *TCP, *GRPC)
