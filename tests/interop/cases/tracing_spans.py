"""Names and tags of spans, decorators, formats, resources, and how reports are made."""

from __future__ import annotations

from tests.interop.cases.tracing import (
    CLUSTERS,
    UPSTREAM,
    opentelemetry,
    route,
    traced,
)
from tests.interop.config import ROUTER
from tests.interop.filters import chain, grpc_call, typed
from tests.interop.model import Wait, asked
from tests.support.client import get, post
from tests.support.http2 import ask as ask2
from tests.support.upstream import Script, reply

DETECTOR = "type.googleapis.com/envoy.extensions.tracers.opentelemetry.resource_detectors.v3."
EGRESS = "traffic_direction: OUTBOUND"
INGRESS = "traffic_direction: INBOUND"
OPERATION = "X-Envoy-Decorator-Operation: theirs\r\n"
CHAIN = chain(
    typed(
        "set_metadata.v3.Config",
        "metadata: [{metadata_namespace: a, value:"
        " {b: x, c: {d: 1}, e: [1, true], n: 5, t: true}}]",
    )
)
CHILD = f"http_filters: [{{name: r, typed_config: {{'@type': {ROUTER}, start_child_span: true}}}}]"
BARE = ", ".join(
    f"set_{what}: false"
    for what in (
        "telemetry_sdk_resource_attributes",
        "service_name_resource_attribute",
        "instrumentation_scope",
    )
)


def metadata(tag: str, kind: str, *path: str, default: str = "") -> str:
    """A tag from metadata of `kind`."""
    key, *rest = path
    inner = ", ".join(f"{{key: {each}}}" for each in rest)
    more = f", default_value: {default}" if default else ""
    return (
        f"{{tag: {tag}, metadata: {{kind: {{{kind}: {{}}}},"
        f" metadata_key: {{key: {key}, path: [{inner}]}}{more}}}}}"
    )


TAGS = ", ".join(
    [
        "{tag: lit, literal: {value: some}}",
        "{tag: env, environment: {name: PATH_OF_NOTHING, default_value: dflt}}",
        "{tag: env_none, environment: {name: PATH_OF_NOTHING}}",
        "{tag: head, request_header: {name: x-a, default_value: dflt}}",
        "{tag: head_dflt, request_header: {name: x-b, default_value: dflt}}",
        "{tag: head_none, request_header: {name: x-b}}",
        "{tag: val, value: '%REQ(x-a)%-%RESPONSE_CODE%'}",
        "{tag: val_none, value: '%REQ(x-b)%'}",
        "{tag: val_int, value: '%RESPONSE_CODE%', value_type: INT}",
        "{tag: val_double, value: '1.5', value_type: DOUBLE}",
        "{tag: val_bool, value: 'true', value_type: BOOL}",
        "{tag: val_bad, value: 'abc', value_type: INT}",
        "{tag: component, literal: {value: mine}}",
        metadata("md", "request", "a", "b"),
        metadata("md_num", "request", "a", "n"),
        metadata("md_bool", "request", "a", "t"),
        metadata("md_struct", "request", "a", "c"),
        metadata("md_list", "request", "a", "e"),
        metadata("md_none", "request", "a", "z"),
        metadata("md_dflt", "request", "a", "z", default="dflt"),
        metadata("md_route", "route", "r", "k"),
        metadata("md_cluster", "cluster", "c", "k"),
        metadata("md_host", "host", "h", "k"),
    ]
)
HOSTS = (
    "[{name: $be, metadata: {filter_metadata: {c: {k: of the cluster}}}, load_assignment:"
    " {cluster_name: $be, endpoints: [{lb_endpoints: [{metadata: {filter_metadata: {h: {k: of the"
    " host}}}, endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: $up}}}}]}]}},"
    f"{CLUSTERS[1:].partition('},')[2]}"
)


def detecting(detector: str) -> str:
    """A provider with a resource detector."""
    detectors = f"[{{name: d, typed_config: {detector}}}]"
    return opentelemetry(f"service_name: svc, resource_detectors: {detectors}")


WITH_METADATA = route("metadata: {filter_metadata: {r: {k: of the route}}}")
CASES = (
    traced(
        "tags",
        get("/x", headers="X-A: 1\r\nX-A: 2\r\n"),
        tracing=f"{UPSTREAM}, custom_tags: [{TAGS}]",
        hcm=f"http_filters: {CHAIN}",
        clusters=HOSTS,
        routes=WITH_METADATA,
    ),
    traced("verbose", tracing=f"{UPSTREAM}, verbose: true"),
    traced("max_path_tag_length", get("/0123456789?abcdef"), tracing="max_path_tag_length: 6"),
    traced("path_long", get("/" + "a" * 300)),
    traced(
        "path_rewritten",
        routes=route(
            "name: r", "route: {cluster: $be, prefix_rewrite: /new, host_rewrite_literal: other}"
        ),
    ),
    traced(
        "body_and_agent",
        post("/x", b"hello", headers="User-Agent: me\r\n"),
        hcm="add_user_agent: true",
    ),
    traced("http2", *asked(ask2("/x")), tracing=UPSTREAM),
    traced(
        "grpc",
        *grpc_call(),
        tracing=UPSTREAM,
        upstreams={
            "up": Script(
                [
                    reply(
                        200,
                        b"",
                        "content-type: application/grpc\r\ngrpc-status: 7\r\ngrpc-message: no\r\n",
                    )
                ]
            )
        },
    ),
    traced(
        "grpc_ok",
        *grpc_call("/p.S/M", ("grpc-timeout", "3S")),
        tracing=UPSTREAM,
        upstreams={
            "up": Script([reply(200, b"", "content-type: application/grpc\r\ngrpc-status: 0\r\n")])
        },
    ),
    traced(
        "grpc_unavailable",
        *grpc_call(),
        tracing=UPSTREAM,
        upstreams={
            "up": Script([reply(200, b"", "content-type: application/grpc\r\ngrpc-status: 14\r\n")])
        },
    ),
    traced("decorator", routes=route("decorator: {operation: op}")),
    traced("decorator_not_told", routes=route("decorator: {operation: op, propagate: false}")),
    traced(
        "decorator_theirs", get("/x", headers=OPERATION), routes=route("decorator: {operation: op}")
    ),
    traced(
        "decorator_formatted",
        get("/x", headers="X-A: 1\r\n"),
        routes=route("decorator: {operation: '%REQ(x-a)%'}"),
    ),
    traced(
        "decorator_of_upstream",
        routes=route("decorator: {operation: op}"),
        upstreams={"up": Script([reply(200, b"ok", OPERATION)])},
    ),
    traced(
        "decorator_egress",
        get("/x", headers=OPERATION),
        listener=EGRESS,
        tracing=UPSTREAM,
        routes=route("decorator: {operation: op}"),
    ),
    traced(
        "decorator_egress_of_upstream",
        listener=EGRESS,
        routes=route("decorator: {operation: op}"),
        upstreams={"up": Script([reply(200, b"ok", OPERATION)])},
    ),
    traced(
        "decorator_not_sampled",
        tracing="random_sampling: {value: 0}",
        routes=route("decorator: {operation: op}"),
    ),
    traced("egress", listener=EGRESS),
    traced("ingress", listener=INGRESS),
    traced(
        "egress_not_told",
        listener=EGRESS,
        routes=route("decorator: {operation: op, propagate: false}"),
    ),
    traced(
        "operation",
        get("/x", headers="X-A: 1\r\n"),
        tracing=f"{UPSTREAM}, operation: '%REQ(x-a)% op',"
        " upstream_operation: '%UPSTREAM_CLUSTER% up %REQ(x-a)%'",
    ),
    traced(
        "operation_absent",
        tracing=f"{UPSTREAM}, operation: '%REQ(x-a)%', upstream_operation: '%REQ(x-a)%'",
    ),
    traced(
        "operation_of_route",
        get("/x", headers="X-A: 1\r\n"),
        tracing=f"{UPSTREAM}, operation: hcm, upstream_operation: hcm_up",
        routes=route(
            "tracing: {operation: '%REQ(x-a)% route', upstream_operation: route_up},"
            " decorator: {operation: deco}"
        ),
    ),
    traced(
        "operation_and_decorator",
        tracing="operation: hcm",
        routes=route("decorator: {operation: deco}"),
    ),
    traced("operation_and_theirs", get("/x", headers=OPERATION), tracing="operation: hcm"),
    traced(
        "start_child_span",
        hcm=CHILD,
    ),
    traced(
        "start_child_span_no",
        tracing="spawn_upstream_span: false",
        hcm=CHILD,
    ),
    traced("service", provider=opentelemetry("service_name: svc")),
    traced(
        "resource_static",
        provider=detecting(
            f"{{'@type': {DETECTOR}StaticConfigResourceDetectorConfig,"
            " attributes: {a: '1', service.name: other, empty: ''}}"
        ),
    ),
    traced("resource_bare", provider=opentelemetry(BARE)),
    traced(
        "internal_redirect",
        get("/old"),
        tracing=UPSTREAM,
        routes=route("name: r", "route: {cluster: $be, internal_redirect_policy: {}}"),
        upstreams={
            "up": Script(
                [reply(302, b"", "Location: http://example.com/new\r\n"), reply(200, b"ok")]
            )
        },
        ignored=r"|upstream_cx_|pending_total",
    ),
    traced(
        "mirrored",
        Wait(0.2),
        get("/x"),
        Wait(0.3),
        tracing=UPSTREAM,
        routes=route(
            "name: r", "route: {cluster: $be, request_mirror_policies: [{cluster: $copy}]}"
        ),
        server="{name: $copy, hosts: [$copied]}",
        upstreams={"copied": Script([reply(200, b"ok")])},
    ),
    traced(
        "mirrored_not_sampled",
        get("/x"),
        Wait(0.3),
        tracing=UPSTREAM,
        routes=route(
            "name: r",
            "route: {cluster: $be,"
            " request_mirror_policies: [{cluster: $copy, trace_sampled: false}]}",
        ),
        server="{name: $copy, hosts: [$copied]}",
        upstreams={"copied": Script([reply(200, b"ok")])},
    ),
    traced(
        "mirrored_sampled",
        get("/x"),
        Wait(0.3),
        tracing="random_sampling: {value: 0}",
        routes=route(
            "name: r",
            "route: {cluster: $be,"
            " request_mirror_policies: [{cluster: $copy, trace_sampled: true}]}",
        ),
        server="{name: $copy, hosts: [$copied]}",
        upstreams={"copied": Script([reply(200, b"ok")])},
    ),
)
