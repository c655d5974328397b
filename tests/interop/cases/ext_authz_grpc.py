"""ext_authz with a service that speaks gRPC, a real one: CheckRequests, CheckResponses, faults."""

from __future__ import annotations

from tests.interop.cases.ext_authz_http import LOG, PART, of_route
from tests.interop.filters import filtered, grpc_call, route, typed
from tests.interop.model import Case, Differs, Drop, Step, Wait, Write
from tests.support.client import get, post
from tests.support.http2_upstream import Script2, frames
from tests.support.unary_service import Reply, UnaryScript
from tests.support.upstream import Script, reply

_HTTP2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
OPTIONS = (
    f"typed_extension_protocol_options: {{{_HTTP2}: {{'@type': type.googleapis.com/{_HTTP2},"
    " explicit_http_config: {http2_protocol_options: {}}}}"
)
CLUSTERS = f"[{{name: $be, hosts: [$up]}}, {{name: $auth, hosts: [$auth_server], {OPTIONS}}}]"
SERVICE = "envoy_grpc: {cluster_name: $auth}, timeout: 0.4s"
# Of HPACK, of the clock, of the library's windows and pings.
UNSTABLE = r"_auth\.(http2\.|upstream_cx_[rt]x_bytes_total)"
VARYING = ("attributes.request.time", "attributes.request.http.id")
OK = Reply("status: {code: 0}")
SILENT = Script2([frames()], terse=True)


def ok(fields: str) -> Reply:
    """The request may pass, with changes."""
    return Reply(f"{{status: {{code: 0}}, ok_response: {{{fields}}}}}")


def denied(fields: str, kind: str = "denied") -> Reply:
    """It may not."""
    return Reply(f"{{status: {{code: 7}}, {kind}_response: {{{fields}}}}}")


def header(name: str, value: str = "v", more: str = "") -> str:
    """A header of an answer; `more` says what is done with it."""
    return f"{{header: {{key: {name!r}, value: {value!r}}}{f', {more}' if more else ''}}}"


def checked(
    name: str,
    *steps: Step | bytes,
    replies: tuple[Reply, ...] = (OK,),
    fields: str = "",
    service: str = SERVICE,
    filters: tuple[str, ...] = (),
    silent: bool = False,
    differs: Differs | None = None,
    ignored: str = "",
    **more: str,
) -> Case:
    """Requests that the service judges, or never answers (`silent`); `fields` add to the filter's.

    A real service would give up at the same moment as the proxy.
    """
    more_fields = f", {fields}" if fields else ""
    config = typed("ext_authz.v3.ExtAuthz", f"grpc_service: {{{service}}}{more_fields}")
    more.setdefault("clusters", CLUSTERS)
    script = UnaryScript(
        "/envoy.service.auth.v3.Authorization/Check",
        "envoy.service.auth.v3.CheckRequest",
        "envoy.service.auth.v3.CheckResponse",
        replies,
        VARYING,
    )
    service_ = SILENT if silent else script
    upstreams = {"up": Script([reply(200, b"ok", "X-Up: 1\r\n")]), "auth_server": service_}
    return filtered(
        f"ext_authz_grpc_{name}",
        (*filters, config),
        *(steps or (get("/x?q=1"),)),
        log=LOG,
        upstreams=upstreams,
        ignore_stats=f"{UNSTABLE}{ignored}",
        differs=differs,
        **more,
    )


CLIENT = "X-A: 1\r\nX-A: 2\r\nX-Bad: a\xffb\r\nX-Envoy-Downstream-Service-Cluster: svc\r\n"
LOCAL_HEADERS = ", ".join(
    [
        header("x-a", "1"),
        header("x-a", "2"),
        header("x-b", "1", "append: true"),
        header("content-type", "a/b"),
        header("content-length", "99"),
        header(":status", "299"),
    ]
)
METADATA = typed(
    "set_metadata.v3.Config",
    "metadata: [{metadata_namespace: a, value: {b: [1, true, x], c: {d: null}}},"
    " {metadata_namespace: z, value: {y: 1}}]",
)

CASES = (
    checked("asked", get("/x?q=1", headers=CLIENT)),
    checked(
        "asked_raw",
        get("/x", headers=CLIENT),
        fields="encode_raw_headers: true, allowed_headers: {patterns: [{prefix: x-}]}",
        hcm="generate_request_id: false",
    ),
    checked("asked_with_post", post("/x", b"hello")),
    checked("asked_over_http2", *grpc_call()),
    checked(
        "asked_with_some_headers",
        get("/x", headers=CLIENT),
        fields="allowed_headers: {patterns: [{prefix: x-}]},"
        " disallowed_headers: {patterns: [{exact: x-bad}]}",
    ),
    checked(
        "asked_with_metadata_of_its_own",
        get("/x", headers="X-A: 1\r\n"),
        service=f"{SERVICE}, initial_metadata: [{{key: x-m, value: '%REQ(x-a)%'}},"
        " {key: x-n, value: '%REQ(x-b)%'}]",
    ),
    checked(
        "asked_without_marks",
        service="envoy_grpc: {cluster_name: $auth, authority: other, skip_envoy_headers: true},"
        " timeout: 0.4s",
    ),
    checked(
        "asked_with_metadata",
        filters=(METADATA,),
        fields="metadata_context_namespaces: [a, none],"
        " route_metadata_context_namespaces: [m, none]",
        routes="[{match: {prefix: /}, route: {cluster: $be},"
        " metadata: {filter_metadata: {m: {a: b}, n: {}}}}]",
    ),
    checked("asked_with_body", post("/x", b"hello"), fields=PART),
    checked(
        "asked_with_bytes",
        post("/x", b"a\xffb"),
        fields="with_request_body: {max_request_bytes: 10, pack_as_bytes: true}",
    ),
    checked("asked_with_body_not_text", post("/x", b"a\xffb"), fields=PART),
    checked("asked_with_session", fields="include_tls_session: true"),
    checked(
        "asked_as_the_route_says",
        post("/x", b"hello"),
        routes=f"""[{
            route(
                ext_authz=of_route(
                    "check_settings: {context_extensions: {a: b, c: d},"
                    " with_request_body: {max_request_bytes: 3, allow_partial_message: true}}"
                )
            )
        }]""",
    ),
    checked(
        "asked_without_body_at_a_route",
        post("/x", b"hello"),
        fields=PART,
        routes=f"""[{
            route(ext_authz=of_route("check_settings: {disable_request_body_buffering: true}"))
        }]""",
    ),
    checked(
        "asked_elsewhere_at_a_route",
        service="envoy_grpc: {cluster_name: none}",
        routes=f"""[{
            route(
                ext_authz=of_route(
                    "check_settings: {grpc_service: {envoy_grpc: {cluster_name: $auth}}}"
                )
            )
        }]""",
    ),
    checked(
        "gives_metadata_twice",
        replies=(
            Reply(
                "{status: {code: 0}, ok_response: {dynamic_metadata: {a: inner}},"
                " dynamic_metadata: {a: outer}}"
            ),
        ),
    ),
    checked("denies", replies=(Reply("status: {code: 5}"),)),
    checked(
        "denies_with_all",
        replies=(denied(f"status: {{code: 401}}, body: nope, headers: [{LOCAL_HEADERS}]"),),
    ),
    checked("denies_a_grpc_client", *grpc_call(), replies=(denied("body: nope"),)),
    checked("denies_with_an_ok", replies=(Reply("{status: {code: 3}, ok_response: {}}"),)),
    checked("denies_with_body_unread", post("/x", b"hello"), replies=(denied("body: n"),)),
    checked("fails", replies=(denied("", "error"),), fields="status_on_error: {code: 503}"),
    checked(
        "fails_with_all",
        replies=(denied(f"status: {{code: 500}}, body: err, headers: [{LOCAL_HEADERS}]", "error"),),
        fields="max_denied_response_body_bytes: 2",
    ),
    checked(
        "fails_and_allows",
        replies=(denied("", "error"),),
        fields="failure_mode_allow: true, failure_mode_allow_header_add: true",
    ),
    checked("has_a_status", replies=(Reply(status="PERMISSION_DENIED"),)),
    checked("talks_nonsense", replies=(Reply(raw=b"\xff\xff\xff"),)),
    checked("is_silent", silent=True),
    checked("is_away", clusters=CLUSTERS.replace("$auth_server", "$dead")),
    checked("has_no_cluster", clusters="[{name: $be, hosts: [$up]}]"),
    checked(
        "answers_at_length",
        service="envoy_grpc: {cluster_name: $auth, max_receive_message_length: 5}, timeout: 0.4s",
        replies=(denied("body: 0123456789"),),
        # Envoy ends the stream at the length of the message.
        ignored="|upstream_rq_tx_reset",
    ),
    checked(
        "client_goes",
        Write(get("/x")),
        Wait(0.1),
        Drop(),
        Wait(0.1),
        replies=(Reply("status: {code: 0}", pause=0.6),),
        service="envoy_grpc: {cluster_name: $auth}, timeout: 5s",
    ),
    checked(
        "gives_metadata",
        get("/x"),
        get("/x"),
        replies=(
            Reply("{status: {code: 0}, dynamic_metadata: {a: {b: [1, 1.5, null]}}}"),
            Reply("{status: {code: 7}, dynamic_metadata: {a: 2}}"),
        ),
    ),
)
