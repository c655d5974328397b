"""Verdicts of listeners without sockets, of what leads to them, and of how sockets are shared."""

from __future__ import annotations

from tests.interop.verdicts import HOST, Verdict, whole

_EXTENSION = "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener"
_ALONG = (
    "type.googleapis.com/envoy.extensions.transport_sockets.internal_upstream.v3"
    ".InternalUpstreamTransport"
)
_RAW = (
    '{name: raw, typed_config: {"@type": type.googleapis.com/'
    "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}"
)
_ECHO = "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo"
_CHAIN = f'{{filters: [{{name: echo, typed_config: {{"@type": {_ECHO}}}}}]}}'
ADDRESS = "address: {socket_address: {address: 127.0.0.1, port_value: 0}}"
PIPE = "address: {pipe: {path: /tmp/lateen-interop-verdict}}"
INTERNAL = "address: {envoy_internal_address: {server_listener_name: main}}"


def _extension(fields: str = "") -> str:
    more = f", {fields}" if fields else ""
    typed = f'{{"@type": {_EXTENSION}{more}}}'
    return f"bootstrap_extensions: [{{name: internal, typed_config: {typed}}}]\n"


def given(
    name: str,
    fields: str = "internal_listener: {}",
    *,
    extension: str | None = "",
    endpoint: str = f"{{endpoint: {{{INTERNAL}}}}}",
    socket: str = "",
    more: str = "",
    differs: str = "",
) -> Verdict:
    """A listener with these fields, and a cluster that leads to an endpoint."""
    listeners = f" [{{name: main, filter_chains: [{_CHAIN}], {fields}}}]\n"
    hosts = f"load_assignment: {{cluster_name: be, endpoints: [{{lb_endpoints: [{endpoint}]}}]}}"
    secured = f", transport_socket: {{name: along, typed_config: {socket}}}" if socket else ""
    clusters = f" [{{name: be, {hosts}{secured}}}]\n"
    allowed = "" if extension is None else _extension(extension)
    return Verdict(name, whole(listeners, clusters, f"{allowed}{more}"), differs)


def along(name: str, fields: str, inner: str = f", transport_socket: {_RAW}") -> Verdict:
    """A cluster that passes something on to an internal listener."""
    return given(name, socket=f'{{"@type": {_ALONG}, {fields}{inner}}}')


VERDICTS = (
    given("internal_listener"),
    given("internal_without_extension", extension=None),
    given("internal_address_without_extension", ADDRESS, extension=None),
    given("internal_with_address", f"internal_listener: {{}}, {ADDRESS}"),
    given("internal_with_own_address", f"internal_listener: {{}}, {INTERNAL}"),
    given("internal_with_more_addresses",
          f"internal_listener: {{}}, additional_addresses: [{{{ADDRESS}}}]"),
    given("internal_by_address", INTERNAL),
    given("internal_by_more_addresses",
          f"{ADDRESS}, additional_addresses: [{{{INTERNAL}}}]"),
    *(
        given(f"internal_with_{number}", f"internal_listener: {{}}, {field}")
        for number, field in enumerate((
            "freebind: true", "freebind: false", "transparent: true",
            "tcp_fast_open_queue_length: 1", "enable_reuse_port: true", "tcp_backlog_size: 1",
            "enable_mptcp: true",
            "connection_balance_config: {exact_balance: {}}",
            "socket_options: [{level: 1, name: 1, int_value: 1}]", "tcp_keepalive: {}",
            "use_original_dst: true", "bind_to_port: false", "stat_prefix: a",
        ))
    ),
    given("internal_buffer_zero", extension="buffer_size_kb: 0"),
    given("internal_buffer_small", extension="buffer_size_kb: 1"),
    given("internal_buffer_large", extension="buffer_size_kb: 8193"),
    given("internal_extension_twice", extension=None,
          more=_extension("buffer_size_kb: 1")[:-2]
          + f", {{name: again, typed_config: {{'@type': {_EXTENSION}}}}}]\n"),
    given("internal_unknown_extension", extension=None, more="bootstrap_extensions: "
          "[{name: a, typed_config: {'@type': type.googleapis.com/google.protobuf.Struct}}]\n"),
    given("internal_nameless_endpoint", endpoint="{endpoint: {address: {envoy_internal_address:"
          " {endpoint_id: a}}}}"),
    given("internal_alternative", endpoint=f"{{endpoint: {{{INTERNAL},"
          f" additional_addresses: [{{{ADDRESS}}}]}}}}",
          differs="an endpoint that is an internal listener has no `additional_addresses`"),
    given("internal_admin_address", more=f"admin: {{{INTERNAL}}}\n",
          differs="Envoy takes an internal address for its admin listener, which nobody can reach"),
    along("along_nothing", "passthrough_metadata: []"),
    along("along_metadata", "passthrough_metadata: [{name: a, kind: {host: {}}},"
          " {name: b, kind: {cluster: {}}}]"),
    along("along_request", "passthrough_metadata: [{name: a, kind: {request: {}}}]"),
    along("along_route", "passthrough_metadata: [{name: a, kind: {route: {}}}]"),
    along("along_without_kind", "passthrough_metadata: [{name: a}]"),
    along("along_without_name", "passthrough_metadata: [{kind: {host: {}}}]"),
    along("along_without_socket", "passthrough_metadata: []", ""),
    given("along_to_a_socket", endpoint=HOST,
          socket=f'{{"@type": {_ALONG}, transport_socket: {_RAW}}}'),
    given("balanced", f"{ADDRESS}, connection_balance_config: {{exact_balance: {{}}}}"),
    given("balanced_by_nothing", f"{ADDRESS}, connection_balance_config: {{}}"),
    given("multipath", f"{ADDRESS}, enable_mptcp: true"),
    given("multipath_pipe", f"{PIPE}, enable_mptcp: true"),
    given("multipath_two",
          f"{ADDRESS}, additional_addresses: [{{{PIPE}}}], enable_mptcp: true"),
)  # fmt: skip
