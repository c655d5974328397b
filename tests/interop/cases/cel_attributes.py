"""Attributes of CEL: of requests, responses, connections, upstreams, metadata, configuration."""

from __future__ import annotations

from tests.interop.cases.tls_downstream import VALIDATED, asked, tls
from tests.interop.cel import ALL, NONE, ONE, TWO, printed
from tests.interop.filters import chain, typed
from tests.interop.model import Case, Secure, Step
from tests.support.client import get, post
from tests.support.upstream import Script, reply

METADATA = typed(
    "set_metadata.v3.Config",
    "metadata: [{metadata_namespace: ns, value: {a: 1, l: [1, x], m: {a: 1}, t: v}}]",
)
STATE = typed(
    "set_filter_state.v3.Config",
    "on_request_headers: [{object_key: k, factory_key: envoy.string,"
    " format_string: {text_format_source: {inline_string: v}}}]",
)
ROUTES = (
    "[{match: {path: /none}, direct_response: {status: 404, body: {inline_string: nothing}}},"
    " {match: {path: /down}, route: {cluster: $down}},"
    " {match: {prefix: /}, name: main, metadata: {filter_metadata: {ns: {r: route}}},"
    " route: {cluster: $be}}]"
)
HOSTS = (
    "[{name: vh, domains: ['*'], metadata: {filter_metadata: {ns: {v: host}}}, routes: "
    + ROUTES
    + "}]"
)
ENDPOINT = (
    "{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: $up}}},"
    " metadata: {filter_metadata: {ns: {e: endpoint}}}}"
)
CLUSTERS = (
    "[{name: $be, metadata: {filter_metadata: {ns: {c: cluster}}}, load_assignment: {cluster_name:"
    " $be, endpoints: [{locality: {region: r, zone: z, sub_zone: s}, lb_endpoints: ["
    + ENDPOINT
    + "]}]}}, {name: $down, hosts: [$dead]}]"
)
CERTIFICATES = [
    f"{kind}_{side}_certificate"
    for kind in ("subject", "uri_san", "dns_san")
    for side in ("local", "peer")
]
SHOWN = (
    "[{match: {prefix: /}, route: {cluster: $be}, response_headers_to_add: ["
    + ", ".join(
        f'{{header: {{key: x-{index}, value: "%CEL(connection.{each})%"}}}}'
        for index, each in enumerate(
            ["mtls", "tls_version", "requested_server_name", *CERTIFICATES,
             "sha256_peer_certificate_digest.size()"]
        )
    )
    + "]}]"
)  # fmt: skip


def attributes(
    name: str,
    *expressions: str,
    steps: tuple[Step | bytes, ...] = (ONE,),
    command: str = "CEL",
    **more: str,
) -> Case:
    """What expressions come to for requests."""
    filters = chain(METADATA, STATE)
    return Case(
        f"cel_{name}",
        steps,
        hcm=f"{printed(expressions, ALL, command)}\nhttp_filters: {filters}\n",
        virtual_hosts=HOSTS,
        clusters=CLUSTERS,
        upstreams={"up": Script([reply(200, b"hello", "X-Up: u\r\n")])},
        stats="",
        **more,
    )


def of(group: str, names: str) -> list[str]:
    """Attributes of a group."""
    return [f"{group}.{name}" for name in names.split()]


CASES = (
    attributes(
        "request",
        *of("request", "path url_path scheme method referer useragent protocol query size nope"),
        "request.host == request.headers[':authority']", "request.id.size()",
        "request.headers_bytes == request.total_size", "request.time > timestamp(1577836800)",
        "request.time.getFullYear() > 2020", "request.duration < duration('1h')",
        steps=(ONE, TWO, NONE, get("/a"), get("/a?")),
    ),
    attributes(
        "request_with_a_body",
        "request.size", "request.total_size - request.headers_bytes", "request.method",
        steps=(post("/a", b"hello"),),
    ),
    attributes(
        "request_headers",
        "request.headers['x-a']", "request.headers['X-A']", "request.headers['nope']",
        "request.headers['not a name']", "request.headers[1]", "request.headers['host']",
        "request.headers[':method']", "'x-a' in request.headers", "'nope' in request.headers",
        "has(request.headers.nope)", "has(request.headers.host)", "request.headers.referer",
        "request.headers == request.headers", "request.headers.size() > 5",
        steps=(ONE, TWO),
    ),
    attributes(
        "groups",
        "request", "request[1]", "1 in request", "'path' in request", "'nope' in request",
        "request['method']", "has(request.path)", "has(request.nope)", "has(nothing.x)", "nothing",
        "size(request)", "size(response)", "filter_state", "size(filter_state)", "metadata.nope",
        "upstream_filter_state", "upstream_filter_state.x", "request['meth' + 'od']",
    ),
    attributes(
        "response",
        *of("response", "code code_details flags size grpc_status nope"),
        "response.headers['x-up']", "response.headers[':status']", "response.headers['nope']",
        "response.total_size - response.headers_bytes", "response.trailers.size()",
        "response.backend_latency < duration('1h')", "has(response.backend_latency)",
        steps=(ONE, NONE, get("/down")),
    ),
    attributes(
        "connection",
        *of("connection", "mtls requested_server_name tls_version termination_details nope"),
        *of("connection", "transport_failure_reason subject_peer_certificate"),
        "connection.id > 0u", "source.address.startsWith('127.0.0.1:')", "source.port > 0",
        "destination.address.endsWith(string(destination.port))", "source.nope",
    ),
    attributes(
        "upstream",
        "upstream.address.startsWith('127.0.0.1:')", "upstream.port > 0",
        "upstream.local_address.startsWith('127.0.0.1:')", "upstream.request_attempt_count",
        "upstream.transport_failure_reason", "upstream.cx_pool_ready_duration < duration('1h')",
        "upstream.locality.region", "upstream.locality.zone", "upstream.locality.sub_zone",
        "has(upstream.locality.region)", "upstream.locality.nope", "upstream.tls_version",
        steps=(ONE, NONE, get("/down")),
    ),
    attributes("upstream_locality", "upstream.locality", command="TYPED_CEL"),
    attributes(
        "metadata",
        "metadata.filter_metadata.ns.t", "metadata.filter_metadata['ns']['a'] == 1",
        "metadata.filter_metadata.ns.l[1]", "1 in metadata.filter_metadata.ns.l",
        "metadata.filter_metadata.ns.m == {'a': 1.0}", "size(metadata.filter_metadata.ns)",
        "has(metadata.filter_metadata)", "has(metadata.typed_filter_metadata)",
        "has(metadata.filter_metadata.ns)", "has(metadata.filter_metadata.x)",
        "has(metadata.nope)", "metadata['filter_metadata']", "'filter_metadata' in metadata",
        "size(metadata)", "metadata == metadata", "metadata == 1",
    ),
    attributes(
        "metadata_with_types",
        "metadata", "metadata.filter_metadata.ns", "metadata.filter_metadata.ns.l",
        "metadata.filter_metadata.ns.a", "xds.route_metadata", "xds.cluster_metadata",
        "xds.listener_metadata", "request.headers['x-a']", "response.headers['x-up']",
        command="TYPED_CEL",
    ),
    attributes(
        "filter_state",
        "filter_state.k", "filter_state['k']", "filter_state.k == b'v'", "filter_state.k == 'v'",
        "string(filter_state.k)", "'k' in filter_state", "has(filter_state.k)",
        "has(filter_state.x)", "filter_state.x", "filter_state.k.x",
    ),
    attributes(
        "xds",
        *of("xds", "route_name virtual_host_name listener_direction filter_chain_name nope"),
        "has(xds.cluster_name)", "xds.cluster_metadata.filter_metadata.ns.c",
        "xds.route_metadata.filter_metadata.ns.r",
        "xds.virtual_host_metadata.filter_metadata.ns.v",
        "xds.upstream_host_metadata.filter_metadata.ns.e", "has(xds.node)",
        steps=(ONE, NONE),
    ),
    *(
        tls(f"cel_tls_{name}", *asked(secure), common=VALIDATED, routes=SHOWN)
        for name, secure in (
            ("with_a_certificate", Secure(certificate="cli", highest="TLSv1_2")),
            ("without_one", Secure(name="b.test")),
        )
    ),
)  # fmt: skip
