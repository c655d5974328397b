"""envoy.filters.network.http_connection_manager

Source: http_connection_manager.proto; Envoy docs, "HTTP connection management"; defaults and errors
as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import ClientCertDetails, HttpConnectionManager, NetworkFilter
from lateen.proxy.compile.access_log import compile_access_logs
from lateen.proxy.compile.address import compile_cidrs
from lateen.proxy.compile.http1_options import compile_http1, default_http1
from lateen.proxy.compile.http2_options import compile_http2, default_http2
from lateen.proxy.compile.http_filter_chain import compile_http_filters
from lateen.proxy.compile.local_reply import compile_local_reply
from lateen.proxy.compile.network_filters.hcm_limits import compile_limits
from lateen.proxy.compile.network_filters.owner import FilterOwner, HttpFilterOwner
from lateen.proxy.compile.network_filters.rds import compile_rds
from lateen.proxy.compile.network_filters.scoped_routes import compile_scoped_routes
from lateen.proxy.compile.registry import NetworkExtension
from lateen.proxy.compile.route_table import compile_route_table
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.tracing import compile_tracing
from lateen.proxy.compile.upgrades import compile_upgrades
from lateen.proxy.compile.values import enum_name

if TYPE_CHECKING:
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )
    from envoy.extensions.http.original_ip_detection.xff.v3.xff_pb2 import XffConfig
    from envoy.extensions.request_id.uuid.v3.uuid_pb2 import UuidRequestIdConfig
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.extensions.filters.network.http_connection_manager.v3"
_UUID = "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig"
_XFF = "envoy.extensions.http.original_ip_detection.xff.v3.XffConfig"

_COMMON = Fields(
    "envoy.config.core.v3.HttpProtocolOptions",
    implemented="""
        idle_timeout max_connection_duration max_headers_count max_stream_duration
        headers_with_underscores_action max_requests_per_connection
    """,
    harmless={
        "max_response_headers_kb": "it is about the responses of clusters",
        "max_connection_duration_jitter": "every connection ends after max_connection_duration",
    },
)
_NO_INTERVAL = "a request is logged when it ends, not in between as well"
SUPPORT = (
    whole(f"{_PACKAGE}.HttpConnectionManager.SetCurrentClientCertDetails"),
    Fields(
        f"{_PACKAGE}.HttpConnectionManager",
        implemented="""
            codec_type stat_prefix route_config rds scoped_routes http_filters add_user_agent
            common_http_protocol_options http_protocol_options http2_protocol_options server_name
            server_header_transformation scheme_header_transformation max_request_headers_kb
            stream_idle_timeout request_timeout request_headers_timeout drain_timeout
            delayed_close_timeout access_log
            flush_access_log_on_new_request access_log_options use_remote_address
            xff_num_trusted_hops internal_address_config skip_xff_append via generate_request_id
            preserve_external_request_id always_set_request_id_in_response
            forward_client_cert_details set_current_client_cert_details proxy_100_continue
            represent_ipv4_remote_address_as_ipv4_mapped_ipv6 upgrade_configs normalize_path
            merge_slashes path_with_escaped_slashes_action request_id_extension
            original_ip_detection_extensions
            local_reply_config strip_matching_host_port strip_any_host_port
            stream_error_on_invalid_http_message strip_trailing_host_dot append_x_forwarded_port
            append_local_overload tracing
        """,
        harmless={
            "http3_protocol_options": "HTTP/3 is not implemented yet",
            "http1_safe_max_connection_duration": "a connection ends between two requests",
            "drain_timeout_jitter": "every connection drains after drain_timeout",
            "record_route_resolution_stats": "it only adds stats",
            "access_log_flush_interval": _NO_INTERVAL,
            "add_proxy_protocol_connection_state": "HTTP filters are not told of PROXY headers",
        },
        within={"common_http_protocol_options": _COMMON},
        category="envoy.filters.network",
    ),
    whole(f"{_PACKAGE}.HttpConnectionManager.InternalAddressConfig"),
    Fields(
        f"{_PACKAGE}.HttpConnectionManager.HcmAccessLogOptions",
        implemented=(
            "flush_access_log_on_new_request flush_log_on_tunnel_successfully_established"
        ),
        harmless={
            "access_log_flush_interval": _NO_INTERVAL,
        },
    ),
    whole(f"{_PACKAGE}.RequestIDExtension"),
    Fields(
        _XFF,
        implemented="xff_num_trusted_hops skip_xff_append",
        category="envoy.http.original_ip_detection",
    ),
    whole("envoy.config.core.v3.SchemeHeaderTransformation"),
    Fields(
        _UUID,
        implemented="pack_trace_reason use_request_id_for_trace_sampling",
        category="envoy.request_id",
    ),
)

_CODECS = {
    "AUTO": HttpConnectionManager.AUTO,
    "HTTP1": HttpConnectionManager.HTTP1,
    "HTTP2": HttpConnectionManager.HTTP2,
}


def compile_http_connection_manager(
    ctx: CompileContext, message: Message, owner: FilterOwner, at: str
) -> NetworkFilter:
    """The filter that reads HTTP; the table of an inline route_config goes to the owner."""
    config: hcm.HttpConnectionManager = message  # type: ignore[assignment]
    prefix = {"envoy.http_conn_manager_prefix": config.stat_prefix}
    filters_owner = HttpFilterOwner(config.stat_prefix, owner.filter_sources)
    manager = HttpConnectionManager(
        stat_prefix=config.stat_prefix,
        stats_block=ctx.blocks.allot(BlockKind.HTTP, f"http.{config.stat_prefix}", prefix),
        listener_stats_block=ctx.blocks.allot(
            BlockKind.LISTENER_HTTP,
            f"listener.{owner.address_tag}.http.{config.stat_prefix}",
            {"envoy.listener_address": owner.address_tag, **prefix},
        ),
        http_filters=compile_http_filters(
            ctx, config.http_filters, filters_owner, f"{at}.http_filters"
        ),
        access_logs=compile_access_logs(ctx, config.access_log, f"{at}.access_log"),
        per_connection_buffer_limit_bytes=owner.buffer_limit,
        service_cluster=ctx.service_cluster,
        service_node=ctx.node_id,
        bypass_overload_manager=owner.bypass_overload,
        append_local_overload=config.append_local_overload,
    )
    _compile_codec(ctx, config, manager, at)
    where = f"{at}.upgrade_configs"
    manager.upgrades.extend(compile_upgrades(ctx, config.upgrade_configs, filters_owner, where))
    _compile_routes(ctx, config, manager, owner, at)
    compile_limits(config, manager)
    _compile_client_address(ctx, config, manager, at)
    _compile_request_headers(ctx, config, manager, at)
    _compile_authority(ctx, config, manager, at)
    _compile_paths(ctx, config, manager)
    _compile_responses(ctx, config, manager, at)
    if config.HasField("tracing"):
        _compile_tracing(ctx, config, manager, owner, at)
    return NetworkFilter(http_connection_manager=manager)


def _compile_codec(
    ctx: CompileContext, config: hcm.HttpConnectionManager, out: HttpConnectionManager, at: str
) -> None:
    codec = enum_name(config, "codec_type")
    if codec not in _CODECS:
        ctx.unimplemented(f"{at}.codec_type", f"codec_type {codec}", ", ".join(_CODECS))
    out.codec_type = _CODECS.get(codec, HttpConnectionManager.AUTO)
    if config.HasField("http_protocol_options"):
        where = f"{at}.http_protocol_options"
        out.http1.CopyFrom(compile_http1(ctx, config.http_protocol_options, where))
    else:
        out.http1.CopyFrom(default_http1())
    tolerant = config.stream_error_on_invalid_http_message.value
    out.stream_error_on_invalid_http_message = tolerant
    override = "override_stream_error_on_invalid_http_message"
    if not config.http_protocol_options.HasField(override):
        out.http1.stream_error_on_invalid_http_message = tolerant
    if config.HasField("http2_protocol_options"):
        where = f"{at}.http2_protocol_options"
        http2 = compile_http2(ctx, config.http2_protocol_options, where, tolerant=tolerant)
    else:
        http2 = default_http2(tolerant=tolerant)
    out.http2.CopyFrom(http2)


def _compile_routes(
    ctx: CompileContext,
    config: hcm.HttpConnectionManager,
    out: HttpConnectionManager,
    owner: FilterOwner,
    at: str,
) -> None:
    if config.WhichOneof("route_specifier") == "rds":
        source = compile_rds(ctx, config.rds, config.stat_prefix, f"{at}.rds")
        out.route_table = source.table
        owner.route_sources.append(source)
        return
    if config.WhichOneof("route_specifier") == "scoped_routes":
        scoped = compile_scoped_routes(
            ctx, config.scoped_routes, config.stat_prefix, owner, f"{at}.scoped_routes"
        )
        out.scoped_routes.CopyFrom(scoped)
        return
    if config.WhichOneof("route_specifier") != "route_config":
        return
    out.route_table = owner.table_name(config.route_config)
    if any(table.name == out.route_table for table in owner.route_tables):
        return
    where = f"{at}.route_config"
    owner.route_tables.append(
        compile_route_table(
            ctx, config.route_config, out.route_table, where, validate_clusters=True
        )
    )


def _compile_client_address(
    ctx: CompileContext, config: hcm.HttpConnectionManager, out: HttpConnectionManager, at: str
) -> None:
    out.use_remote_address = config.use_remote_address.value
    out.xff_num_trusted_hops = config.xff_num_trusted_hops
    out.skip_xff_append = config.skip_xff_append
    _compile_ip_detection(ctx, config, out, f"{at}.original_ip_detection_extensions")
    internal = config.internal_address_config
    out.internal_unix_sockets = internal.unix_sockets
    where = f"{at}.internal_address_config.cidr_ranges"
    out.internal_addresses.extend(compile_cidrs(ctx, internal.cidr_ranges, where))
    out.represent_ipv4_remote_address_as_ipv4_mapped_ipv6 = (
        config.represent_ipv4_remote_address_as_ipv4_mapped_ipv6
    )
    out.append_x_forwarded_port = config.append_x_forwarded_port
    if config.HasField("set_current_client_cert_details"):
        details = config.set_current_client_cert_details
        out.client_cert_details.CopyFrom(
            ClientCertDetails(
                subject=details.subject.value,
                cert=details.cert,
                chain=details.chain,
                dns=details.dns,
                uri=details.uri,
            )
        )
    out.forward_client_cert = cast(
        "HttpConnectionManager.ForwardClientCert", config.forward_client_cert_details
    )


def _compile_ip_detection(
    ctx: CompileContext, config: hcm.HttpConnectionManager, out: HttpConnectionManager, at: str
) -> None:
    """The extension xff says the same as xff_num_trusted_hops and skip_xff_append."""
    extensions = config.original_ip_detection_extensions
    if not extensions:
        return
    if config.use_remote_address.value:
        reason = "Original IP detection extensions and use_remote_address may not be mixed"
        ctx.error(at, reason)
    if config.xff_num_trusted_hops:
        reason = "Original IP detection extensions and xff_num_trusted_hops may not be mixed"
        ctx.error(at, reason)
    if len(extensions) > 1:
        ctx.unimplemented(at, "more than one extension", "one")
    message = ctx.unpack(extensions[0].typed_config)
    if message is not None and message.DESCRIPTOR.full_name == _XFF:
        xff: XffConfig = message  # type: ignore[assignment]
        out.xff_num_trusted_hops = xff.xff_num_trusted_hops
        out.skip_xff_append = xff.skip_xff_append.value or not xff.HasField("skip_xff_append")


def _compile_tracing(
    ctx: CompileContext,
    config: hcm.HttpConnectionManager,
    out: HttpConnectionManager,
    owner: FilterOwner,
    at: str,
) -> None:
    out.tracing.CopyFrom(compile_tracing(ctx, config.tracing, owner, f"{at}.tracing"))
    if (uuid := _uuid(ctx, config)) is not None:
        decides = uuid.use_request_id_for_trace_sampling
        unset = not uuid.HasField("use_request_id_for_trace_sampling")
        out.tracing.ignores_request_id = not (decides.value or unset)


def _uuid(ctx: CompileContext, config: hcm.HttpConnectionManager) -> UuidRequestIdConfig | None:
    """What is said of request ids, if anything is."""
    if not config.request_id_extension.HasField("typed_config"):
        return None
    message = ctx.unpack(config.request_id_extension.typed_config)
    if message is None or message.DESCRIPTOR.full_name != _UUID:
        return None
    return message  # type: ignore[return-value]


def _compile_request_headers(
    ctx: CompileContext, config: hcm.HttpConnectionManager, out: HttpConnectionManager, at: str
) -> None:
    generate = config.generate_request_id.value or not config.HasField("generate_request_id")
    out.generate_request_id = generate
    out.preserve_external_request_id = config.preserve_external_request_id
    out.always_set_request_id_in_response = config.always_set_request_id_in_response
    out.pack_trace_reason = True
    if (uuid := _uuid(ctx, config)) is not None:
        packs = uuid.pack_trace_reason.value or not uuid.HasField("pack_trace_reason")
        out.pack_trace_reason = packs
    out.via = config.via
    out.add_user_agent = config.add_user_agent.value
    out.proxy_100_continue = config.proxy_100_continue
    out.scheme_overwrite = config.scheme_header_transformation.scheme_to_overwrite
    out.scheme_match_upstream = config.scheme_header_transformation.match_upstream


def _compile_authority(
    ctx: CompileContext, config: hcm.HttpConnectionManager, out: HttpConnectionManager, at: str
) -> None:
    out.strip_trailing_host_dot = config.strip_trailing_host_dot
    if config.strip_any_host_port:
        out.strip_port = HttpConnectionManager.STRIP_ANY
    elif config.strip_matching_host_port:
        out.strip_port = HttpConnectionManager.STRIP_MATCHING
    if config.strip_any_host_port and config.strip_matching_host_port:
        ctx.error(
            f"{at}.strip_any_host_port",
            "Error: Only one of `strip_matching_host_port` or `strip_any_host_port` can be set.",
        )


def _compile_paths(
    ctx: CompileContext, config: hcm.HttpConnectionManager, out: HttpConnectionManager
) -> None:
    if config.HasField("normalize_path"):
        out.normalize_path = config.normalize_path.value
    else:
        default = ctx.runtime.get("http_connection_manager.normalize_path", "false")
        out.normalize_path = default == "true"
    out.merge_slashes = config.merge_slashes
    # IMPLEMENTATION_SPECIFIC_DEFAULT, which comes first, is KEEP_UNCHANGED.
    action = max(config.path_with_escaped_slashes_action - 1, 0)
    out.escaped_slashes = cast("HttpConnectionManager.EscapedSlashes", action)
    out.headers_with_underscores = cast(
        "HttpConnectionManager.Underscores",
        config.common_http_protocol_options.headers_with_underscores_action,
    )


def _compile_responses(
    ctx: CompileContext, config: hcm.HttpConnectionManager, out: HttpConnectionManager, at: str
) -> None:
    out.server_name = config.server_name or "envoy"
    out.server_header_transformation = cast(
        "HttpConnectionManager.ServerHeader", config.server_header_transformation
    )
    if config.HasField("local_reply_config"):
        where = f"{at}.local_reply_config"
        out.local_reply.CopyFrom(compile_local_reply(ctx, config.local_reply_config, where))


EXTENSION = NetworkExtension(
    "envoy.filters.network.http_connection_manager",
    f"{_PACKAGE}.HttpConnectionManager",
    compile_http_connection_manager,
    SUPPORT,
    terminal=True,
)
