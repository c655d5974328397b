"""request_mirror_policies: what is copied, how the copy looks, what becomes of it."""

from __future__ import annotations

from dataclasses import replace

from tests.interop.model import Case, Drop, Step, Wait, Write
from tests.support.client import get, post
from tests.support.upstream import Answer, Close, Hold, Script, raw, reply

GOOD = reply(200, b"good")
ERROR = reply(503, b"", reason="Service Unavailable")
CLUSTERS = "[{name: $be, hosts: [$up]}, {name: $be2, hosts: [$copy]}]"
# Time for the copy, which nobody waits for.
COPIED = Wait(0.3)


def mirrored(
    name: str,
    policy: str,
    *steps: Step | bytes,
    answers: tuple[Answer, ...] = (GOOD,),
    copy: tuple[Answer, ...] = (GOOD,),
    action: str = "",
    clusters: str = CLUSTERS,
    virtual_host: str = "",
    route_config: str = "",
    bootstrap: str = "",
    hcm: str = "",
    ignore: str = "",
) -> Case:
    """Requests on a route whose copies go to a second cluster."""
    policies = f", request_mirror_policies: [{policy}]" if policy else ""
    route = f"{{match: {{prefix: /}}, route: {{cluster: $be{policies}{action}}}}}"
    host = f"{{name: vh, domains: ['*'], routes: [{route}], {virtual_host}}}"
    return Case(
        name,
        (*(steps or (get("/x"),)), COPIED),
        routes=f"[{route}]",
        virtual_hosts=f"[{host}]" if virtual_host else "",
        route_config=route_config,
        clusters=clusters,
        upstreams={"up": Script(answers), "copy": Script(copy)},
        bootstrap=bootstrap,
        hcm=hcm,
        ignore_stats=ignore,
    )


MIRROR = "{cluster: $be2}"
NONE = "runtime_fraction: {default_value: {numerator: 0}}"
MUTATIONS = """
    request_headers_mutations: [{remove: x-a}, {append: {header: {key: x-b, value: '%PROTOCOL%'}}}]
"""
CHUNKED = b"POST /x HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n"

CASES = (
    mirrored("mirror_get", MIRROR),
    mirrored("mirror_body", MIRROR, post("/x", b"hello")),
    mirrored("mirror_chunks", MIRROR, CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
    # Either copy may be there first.
    replace(mirrored("mirror_twice", f"{MIRROR}, {MIRROR}"), numbered=False),
    mirrored("mirror_none", f"{{cluster: $be2, {NONE}}}"),
    mirrored(
        "mirror_by_runtime",
        "{cluster: $be2, runtime_fraction: {runtime_key: all, default_value: {numerator: 0}}}",
        bootstrap="layered_runtime: {layers: [{name: a, static_layer: {all: 100}}]}",
    ),
    mirrored(
        "mirror_cluster_header", "{cluster_header: x-to}", get("/x", headers="x-to: $be2\r\n")
    ),
    mirrored("mirror_cluster_header_absent", "{cluster_header: x-to}"),
    mirrored(
        "mirror_cluster_header_unknown", "{cluster_header: x-to}", get("/x", headers="x-to: n\r\n")
    ),
    mirrored("mirror_keeps_host", "{cluster: $be2, disable_shadow_host_suffix_append: true}"),
    mirrored("mirror_host_literal", "{cluster: $be2, host_rewrite_literal: other}"),
    mirrored("mirror_host_with_port", MIRROR, b"GET /x HTTP/1.1\r\nHost: example.com:81\r\n\r\n"),
    mirrored(
        "mirror_mutations", f"{{cluster: $be2, {MUTATIONS}}}", get("/x", headers="x-a: 1\r\n")
    ),
    mirrored(
        "mirror_after_rewrites", MIRROR, action=", prefix_rewrite: /y, host_rewrite_literal: h"
    ),
    mirrored("mirror_xff", MIRROR, get("/x", headers="x-forwarded-for: 1.1.1.1\r\n")),
    mirrored("mirror_answers_error", MIRROR, copy=(ERROR,)),
    mirrored("mirror_closes", MIRROR, copy=(raw(Close()),)),
    mirrored("mirror_never_answers", MIRROR, copy=(raw(Hold()),), action=", timeout: 0s"),
    mirrored(
        "mirror_times_out",
        MIRROR,
        get("/x"),
        COPIED,
        copy=(raw(Hold()),),
        action=", timeout: 0.2s",
        ignore="rq_time",
    ),
    mirrored(
        "mirror_of_no_host",
        MIRROR,
        clusters="[{name: $be, hosts: [$up]}, {name: $be2, hosts: []}]",
    ),
    mirrored(
        "mirror_of_dead_host",
        MIRROR,
        clusters="[{name: $be, hosts: [$up]}, {name: $be2, hosts: [$dead]}]",
    ),
    mirrored(
        "mirror_without_primary",
        MIRROR,
        clusters="[{name: $be, hosts: []}, {name: $be2, hosts: [$copy]}]",
    ),
    mirrored("mirror_primary_fails", MIRROR, answers=(ERROR,)),
    mirrored(
        "mirror_of_retried",
        MIRROR,
        answers=(ERROR, GOOD),
        action=", retry_policy: {retry_on: 5xx, num_retries: 1}",
    ),
    mirrored(
        "mirror_broken_off",
        MIRROR,
        Write(CHUNKED + b"3\r\nabc\r\n"),
        Wait(0.2),
        Drop(),
        answers=(raw(Hold()),),
        copy=(raw(Hold()),),
    ),
    mirrored("mirror_of_virtual_host", "", virtual_host=f"request_mirror_policies: [{MIRROR}]"),
    mirrored(
        "mirror_of_table",
        "",
        route_config=f"request_mirror_policies: [{MIRROR}]",
    ),
    mirrored(
        "mirror_of_route_in_place_of_table",
        f"{{cluster: $be2, {NONE}}}",
        route_config=f"request_mirror_policies: [{MIRROR}]",
    ),
)
