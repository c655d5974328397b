"""How a cluster speaks HTTP to its hosts.

Source: envoy/extensions/upstreams/http/v3/http_protocol_options.proto and the deprecated fields of
envoy/config/cluster/v3/cluster.proto, which count only without it; defaults as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.proxy.compile.hash_policy import compile_hash_policies
from lateen.proxy.compile.http1_options import compile_http1, default_http1
from lateen.proxy.compile.http2_options import compile_http2, default_http2
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3.protocol_pb2 import (
        HttpProtocolOptions,
        UpstreamHttpProtocolOptions,
    )
    from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2 as upstream

    from lateen.proxy.compile.context import CompileContext

OPTIONS_NAME = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

SUPPORT = (
    Fields(
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        implemented="""
            common_http_protocol_options explicit_http_config
            use_downstream_protocol_config auto_config upstream_http_protocol_options
            hash_policy
        """,
        category="envoy.upstream_options",
    ),
    Fields(
        "envoy.config.core.v3.HttpProtocolOptions",
        implemented="""
            idle_timeout max_connection_duration max_headers_count
            max_response_headers_kb max_requests_per_connection max_stream_duration
        """,
        harmless={
            "max_connection_duration_jitter": "connections end after max_connection_duration",
            "headers_with_underscores_action": "it is about requests of clients",
        },
    ),
    whole("envoy.config.core.v3.UpstreamHttpProtocolOptions"),
    Fields(
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig",
        implemented="http_protocol_options http2_protocol_options",
    ),
    Fields(
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig",
        implemented="http_protocol_options http2_protocol_options",
        harmless={"http3_protocol_options": "no client speaks HTTP/3"},
    ),
    Fields(
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig",
        implemented="http_protocol_options http2_protocol_options",
        harmless={
            "http3_protocol_options": "hosts are spoken to in HTTP/2 or HTTP/1",
            "alternate_protocols_cache_options": "HTTP/3 is not implemented yet",
        },
    ),
)

_IDLE_MS = 3_600_000
_HEADERS_KB = 80
_HEADERS_COUNT = 100


def compile_upstream_protocol(
    ctx: CompileContext, source: Cluster, out: worker_pb2.Cluster, at: str
) -> None:
    """Set the HTTP fields of a compiled cluster."""
    out.idle_timeout_ms = _IDLE_MS
    out.max_response_headers_bytes = _HEADERS_KB * 1024
    out.max_response_headers_count = _HEADERS_COUNT
    out.max_requests_per_connection = source.max_requests_per_connection.value
    typed = source.typed_extension_protocol_options
    where = f"{at}.typed_extension_protocol_options"
    for name in sorted(typed):
        if name != OPTIONS_NAME:
            reason = (
                "Didn't find a registered network or http filter or protocol options implementation"
                f" for name: '{name}'"
            )
            ctx.error(f'{where}["{name}"]', reason)
    message = ctx.unpack(typed[OPTIONS_NAME]) if OPTIONS_NAME in typed else None
    if message is not None:
        options: upstream.HttpProtocolOptions = message  # type: ignore[assignment]
        _compile_typed(ctx, options, out, f'{where}["{OPTIONS_NAME}"]')
        ctx.excuse(f"{at}.http2_protocol_options", f"{OPTIONS_NAME} counts instead")
    elif OPTIONS_NAME not in typed:
        _compile_deprecated(ctx, source, out, at)


def _compile_typed(
    ctx: CompileContext,
    options: upstream.HttpProtocolOptions,
    out: worker_pb2.Cluster,
    at: str,
) -> None:
    if options.HasField("common_http_protocol_options"):
        where = f"{at}.common_http_protocol_options"
        _compile_common(ctx, options.common_http_protocol_options, out, where)
    _compile_auto_names(options.upstream_http_protocol_options, out)
    where = f"{at}.hash_policy"
    out.hash_policy.extend(compile_hash_policies(ctx, options.hash_policy, where))
    kind = options.WhichOneof("upstream_protocol_options")
    if kind == "explicit_http_config":
        explicit = options.explicit_http_config
        _compile_explicit(ctx, explicit, out, f"{at}.{kind}")
    elif kind == "use_downstream_protocol_config":
        out.upstream_protocol = worker_pb2.Cluster.DOWNSTREAM
        _compile_both(ctx, options.use_downstream_protocol_config, out, f"{at}.{kind}")
    elif kind == "auto_config":
        out.upstream_protocol = worker_pb2.Cluster.AUTO
        _compile_both(ctx, options.auto_config, out, f"{at}.{kind}")
    else:
        out.http1.CopyFrom(default_http1())


def _compile_explicit(
    ctx: CompileContext,
    config: upstream.HttpProtocolOptions.ExplicitHttpConfig,
    out: worker_pb2.Cluster,
    at: str,
) -> None:
    if config.WhichOneof("protocol_config") == "http2_protocol_options":
        out.upstream_protocol = worker_pb2.Cluster.HTTP2
        where = f"{at}.http2_protocol_options"
        out.http2.CopyFrom(compile_http2(ctx, config.http2_protocol_options, where))
        out.http1.CopyFrom(default_http1())
    else:
        where = f"{at}.http_protocol_options"
        out.http1.CopyFrom(compile_http1(ctx, config.http_protocol_options, where))


def _compile_both(
    ctx: CompileContext,
    config: upstream.HttpProtocolOptions.UseDownstreamHttpConfig
    | upstream.HttpProtocolOptions.AutoHttpConfig
    | Cluster,
    out: worker_pb2.Cluster,
    at: str,
) -> None:
    """The options of both protocols, either of which may be spoken."""
    where = f"{at}.http_protocol_options"
    given = config.HasField("http_protocol_options")
    http1 = compile_http1(ctx, config.http_protocol_options, where) if given else default_http1()
    out.http1.CopyFrom(http1)
    where = f"{at}.http2_protocol_options"
    given = config.HasField("http2_protocol_options")
    out.tunnels_speak_http2 = given
    http2 = compile_http2(ctx, config.http2_protocol_options, where) if given else default_http2()
    out.http2.CopyFrom(http2)


def _compile_deprecated(
    ctx: CompileContext, source: Cluster, out: worker_pb2.Cluster, at: str
) -> None:
    if source.HasField("common_http_protocol_options"):
        where = f"{at}.common_http_protocol_options"
        _compile_common(ctx, source.common_http_protocol_options, out, where)
    _compile_auto_names(source.upstream_http_protocol_options, out)
    if source.protocol_selection:
        out.upstream_protocol = worker_pb2.Cluster.DOWNSTREAM
        _compile_both(ctx, source, out, at)
        return
    both = source.HasField("http_protocol_options") and source.HasField("http2_protocol_options")
    if both:
        ctx.error(
            f"{at}.http2_protocol_options",
            "cluster: Both HTTP1 and HTTP2 options may only be configured with non-default"
            " 'protocol_selection' values",
        )
    if source.HasField("http2_protocol_options"):
        out.upstream_protocol = worker_pb2.Cluster.HTTP2
        where = f"{at}.http2_protocol_options"
        out.http2.CopyFrom(compile_http2(ctx, source.http2_protocol_options, where))
    if source.HasField("http_protocol_options"):
        where = f"{at}.http_protocol_options"
        out.http1.CopyFrom(compile_http1(ctx, source.http_protocol_options, where))
    else:
        out.http1.CopyFrom(default_http1())


def _compile_common(
    ctx: CompileContext, options: HttpProtocolOptions, out: worker_pb2.Cluster, at: str
) -> None:
    if options.HasField("idle_timeout"):
        out.idle_timeout_ms = milliseconds(options.idle_timeout)
    out.max_connection_duration_ms = milliseconds(options.max_connection_duration)
    out.max_stream_duration_ms = milliseconds(options.max_stream_duration)
    if options.HasField("max_headers_count"):
        out.max_response_headers_count = options.max_headers_count.value
    if options.HasField("max_response_headers_kb"):
        out.max_response_headers_bytes = options.max_response_headers_kb.value * 1024
    if options.HasField("max_requests_per_connection"):
        out.max_requests_per_connection = options.max_requests_per_connection.value


def _compile_auto_names(options: UpstreamHttpProtocolOptions, out: worker_pb2.Cluster) -> None:
    """What requests decide of TLS; with neither field the header says nothing."""
    if options.auto_sni or options.auto_san_validation:
        out.auto_names.sni = options.auto_sni
        out.auto_names.certificate = options.auto_san_validation
        out.auto_names.header = options.override_auto_sni_header
